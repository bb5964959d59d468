import { startSession } from '@carnet/protocol'
import { Redis } from 'ioredis'
import { measureHeap } from '../capacity/heap.ts'
import { openKeptStore } from '../support/kept-store.ts'
import { startRedis } from '../support/redis.ts'
import type { Group } from './group.ts'
import { inBatches } from './in-batches.ts'
import { userAt } from './servers/served.ts'

const SESSIONS = 100_000
const LOOKED_AT = 1_000
const AT_MOST_BYTES = 400

/** What Redis holds for each session, by its own word and by what it and its process grow, and what an agent does. */
export async function memory(): Promise<Group> {
  const quantity = (name: string) => ({ name, unit: 'bytes', atMost: AT_MOST_BYTES })
  const gauge = {
    quantities: [
      quantity('a session in Redis, by MEMORY USAGE'),
      quantity('a session in Redis, by the growth of used_memory'),
      quantity('a session in Redis, by the growth of used_memory_rss'),
    ],
    readings: 1,
    read,
  }
  const heap = {
    quantities: [quantity("a session in an agent's memory")],
    readings: 1,
    read: async () => [await measureHeap()],
  }
  return { gauges: [gauge, heap] }
}

async function read(): Promise<number[]> {
  const server = await startRedis()
  const redis = new Redis(server.url)
  const store = await openKeptStore(server.url)
  try {
    const before = await used(redis)
    const life = { idle: 3_600_000, absolute: 7_200_000 }
    const numbers = Array.from({ length: SESSIONS }, (_, index) => index)
    await inBatches(numbers, 100, index => startSession(store, userAt(index), life))
    const after = await used(redis)
    const usages = await inBatches(Array.from({ length: LOOKED_AT }), LOOKED_AT, async () => {
      return Number(await redis.memory('USAGE', (await redis.randomkey()) ?? ''))
    })
    return [
      usages.reduce((sum, usage) => sum + usage, 0) / LOOKED_AT,
      (after.memory - before.memory) / SESSIONS,
      (after.rss - before.rss) / SESSIONS,
    ]
  } finally {
    redis.disconnect()
    await store.close()
    await server.stop()
  }
}

async function used(redis: Redis): Promise<{ memory: number; rss: number }> {
  const info = await redis.info('memory')
  return {
    memory: Number(/used_memory:(\d+)/.exec(info)?.[1]),
    rss: Number(/used_memory_rss:(\d+)/.exec(info)?.[1]),
  }
}
