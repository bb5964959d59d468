import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { startRedis } from '../support/redis.ts'
import { type Drill, prove } from './drill.ts'
import type { Part } from './processes.ts'

const HOUR_MS = 3_600_000
const preload = pathToFileURL(join(import.meta.dirname, 'shifted-clock.ts')).href

/** A service and an agent whose clocks are wrong from the start: the drill is the load itself. */
export const wrongClocks: Drill = {
  name: 'clocks',
  failure: "an auth service's clock is an hour fast, an agent's an hour slow",
  async prepare() {
    const redis = await startRedis()
    const shifted = (ms: number) => ({
      NODE_OPTIONS: `--import=${preload}`,
      DRILL_CLOCK_SHIFT_MS: `${ms}`,
      CARNET_LOG_LEVEL: 'info',
    })
    return {
      storeUrl: redis.url,
      env: { 'auth-0': shifted(HOUR_MS), shop: shifted(-HOUR_MS) },
      stop: redis.stop,
      async fault({ world, oracle, brief }) {
        oracle.faultBegan()
        await setTimeout(brief ? 2_000 : 5_000)
        const fast = clockOf(world.services[0])
        const slow = clockOf(world.agents[0])
        prove(Math.abs(fast - HOUR_MS) < 60_000, `the service's clock is off by ${fast} ms`)
        prove(Math.abs(slow + HOUR_MS) < 60_000, `the agent's clock is off by ${slow} ms`)
        return `by their logs ${Math.round(fast / 1000)} s and ${Math.round(slow / 1000)} s off`
      },
    }
  },
}

/** How far a part's clock is ahead of ours, by the latest line of its log. */
function clockOf(part: Part | undefined): number {
  const times = [...(part?.program.output() ?? '').matchAll(/"time":(\d+)/g)]
  return Number(times.at(-1)?.[1] ?? 0) - Date.now()
}
