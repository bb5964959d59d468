import type { Redis } from 'ioredis'
import type { VerbCost } from './constants.ts'

// What watches, and what a store does by itself.
const NOT_COUNTED = new Set(['info', 'config|resetstat', 'time', 'client|setinfo'])

/** Reads off what Redis did for `times` turns of something, per turn. `redis` is a connection of the meter's own. */
export async function meter(redis: Redis, times: number, work: () => Promise<unknown>): Promise<VerbCost> {
  await redis.config('RESETSTAT')
  const begun = await mainThreadMicros(redis)
  await work()
  const ended = await mainThreadMicros(redis)
  const stats = await redis.info('stats')
  const calls = commandsOf(await redis.info('commandstats'))
  return {
    commands: sum(calls.map(({ count }) => count)) / times,
    bytesIn: fieldOf(stats, 'total_net_input_bytes') / times,
    bytesOut: fieldOf(stats, 'total_net_output_bytes') / times,
    commandMicros: sum(calls.filter(({ name }) => !wraps(name)).map(({ micros }) => micros)) / times,
    cpuMicros: (ended - begun) / times,
  }
}

/** Of what was measured in turns the one that took the least of Redis' core: others on the machine only add to it. */
export function leastDisturbed(turns: readonly VerbCost[]): VerbCost {
  const [least] = turns.toSorted((one, other) => one.cpuMicros - other.cpuMicros)
  if (least === undefined) throw new TypeError('Nothing was measured.')
  return least
}

/** used_memory, in bytes. */
export async function usedMemory(redis: Redis): Promise<number> {
  return fieldOf(await redis.info('memory'), 'used_memory')
}

/** The number of commands since the statistics were reset. */
export async function commandsCounted(redis: Redis): Promise<number> {
  return sum(commandsOf(await redis.info('commandstats')).map(({ count }) => count))
}

async function mainThreadMicros(redis: Redis): Promise<number> {
  const info = await redis.info('cpu')
  return 1e6 * (fieldOf(info, 'used_cpu_sys_main_thread') + fieldOf(info, 'used_cpu_user_main_thread'))
}

function commandsOf(info: string): { name: string; count: number; micros: number }[] {
  return [...info.matchAll(/cmdstat_([^:]+):calls=(\d+),usec=(\d+)/g)]
    .map(([, name = '', count, micros]) => ({ name, count: Number(count), micros: Number(micros) }))
    .filter(({ name }) => !NOT_COUNTED.has(name))
}

// Their time is told again by what they call.
function wraps(name: string): boolean {
  return name === 'exec'
}

function fieldOf(info: string, field: string): number {
  return Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(info)?.[1])
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
