import {
  issueTickets,
  openStore,
  redeemTicket,
  revokeSession,
  type Store,
  startSession,
  touchSessions,
} from '@carnet/protocol'
import { Redis } from 'ioredis'
import { ada, clientAt } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import type { Verb, VerbCost } from './constants.ts'
import { leastDisturbed, meter } from './redis-meter.ts'

const TURNS = 4
const TIMES = 700
const ALL = TURNS * TIMES
const WARMING = 200
const DAY_MS = 86_400_000
const IDLE_MS = 7 * DAY_MS
const LIFE = { idle: IDLE_MS, absolute: 30 * DAY_MS }
const SITE = 'shop'
const client = clientAt('192.0.2.7', {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
})
// Of the length of what an agent sends.
const STATE = 'x'.repeat(43)

/** What each verb costs a Redis of its own, one after the other: nothing is shared between them. */
export async function measureVerbs(): Promise<Record<Verb, VerbCost>> {
  const server = await startRedis()
  const redis = new Redis(server.url)
  const store = await openStore(server.url)
  try {
    store.keep(async () => {})
    await until(() => store.beat().then(() => true))
    const costs: Partial<Record<Verb, VerbCost>> = {}
    for (const [verb, prepare] of Object.entries(works(store)) as [Verb, () => Promise<Work>][]) {
      const work = await prepare()
      // The first ones compile code and load scripts.
      for (let time = 0; time < WARMING; time++) await work(ALL + time)
      const turns: VerbCost[] = []
      for (let turn = 0; turn < TURNS; turn++) {
        const measured = meter(redis, TIMES, async () => {
          for (let time = 0; time < TIMES; time++) await work(turn * TIMES + time)
        })
        turns.push(await measured)
      }
      costs[verb] = leastDisturbed(turns)
    }
    return costs as Record<Verb, VerbCost>
  } finally {
    redis.disconnect()
    await store.close()
    await server.stop()
  }
}

type Work = (time: number) => Promise<unknown>

function works(store: Store): Record<Verb, () => Promise<Work>> {
  const sessions = () => started(store, ALL + WARMING)
  return {
    start: async () => () => startSession(store, ada, LIFE, { rememberedUntil: Date.now() + LIFE.absolute }),
    check: async () => {
      const sids = await sessions()
      return time => store.read(sids[time] ?? '')
    },
    touch: async () => {
      const sids = await sessions()
      const session = { expiresAt: Date.now() + LIFE.absolute }
      return time => touchSessions(store, [{ sid: sids[time] ?? '', session, idle: IDLE_MS }])
    },
    issue: async () => {
      const sids = await sessions()
      return time =>
        issueTickets(store, sids[time] ?? '', client, [{ site: SITE, ttl: 60_000, state: STATE }])
    },
    redeem: async () => {
      const tickets: string[] = []
      const shown = { site: SITE, client, binding: 'prefix', state: STATE, acceptsPushed: false } as const
      for (const sid of await sessions()) {
        tickets.push(...(await issueTickets(store, sid, client, [{ site: SITE, ttl: 60_000, state: STATE }])))
      }
      return time => redeemTicket(store, tickets[time] ?? '', shown)
    },
    revoke: async () => {
      const sids = await sessions()
      return time => revokeSession(store, sids[time] ?? '', { remember: LIFE.absolute })
    },
    beat: async () => () => store.beat(),
  }
}

/** Sids of new sessions whose browsers are remembered. */
export async function started(store: Store, count: number): Promise<string[]> {
  const sids: string[] = []
  const rememberedUntil = Date.now() + LIFE.absolute
  while (sids.length < count) {
    const batch = Array.from({ length: Math.min(200, count - sids.length) })
    const all = await Promise.all(batch.map(() => startSession(store, ada, LIFE, { rememberedUntil })))
    sids.push(...all.map(({ sid }) => sid))
  }
  return sids
}
