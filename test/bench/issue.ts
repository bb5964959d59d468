import { issueTickets, type Store, startSession } from '@carnet/protocol'
import { openKeptStore } from '../support/kept-store.ts'
import { ada, clientAt } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import type { Group } from './group.ts'
import { median } from './row.ts'

const CALLS = 200
const SITES = 100

/** How much longer it takes to issue tickets for many sites than for one: all of them are one round trip. */
export async function issue(): Promise<Group> {
  const redis = await startRedis()
  const store = await openKeptStore(redis.url)
  const { sid } = await startSession(store, ada, { idle: 3_600_000, absolute: 7_200_000 })
  const gauge = {
    quantities: [
      { name: 'issuing a ticket for one site', unit: 'ms' },
      { name: `issuing tickets for ${SITES} sites`, unit: 'ms' },
      { name: `tickets for ${SITES} sites, in times of one`, unit: '×', atMost: 3 },
    ],
    async read() {
      // Both are warm before either is timed.
      for (const sites of [1, SITES]) await timeOf(store, sid, sites)
      const one = await timeOf(store, sid, 1)
      const many = await timeOf(store, sid, SITES)
      return [one, many, many / one]
    },
  }
  return {
    gauges: [gauge],
    packages: ['ioredis'],
    async stop() {
      await store.close()
      await redis.stop()
    },
  }
}

/** The time of a call, in ms: the median of many, one after the other. */
async function timeOf(store: Store, sid: string, sites: number): Promise<number> {
  const client = clientAt('127.0.0.1')
  const wanted = Array.from({ length: sites }, (_, index) => ({
    site: `site-${index}`,
    ttl: 3_000,
    state: null,
  }))
  const took: number[] = []
  while (took.length < CALLS) {
    const begunAt = performance.now()
    await issueTickets(store, sid, client, wanted)
    took.push(performance.now() - begunAt)
  }
  return median(took)
}
