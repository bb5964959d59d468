import test from 'ava'
import type { Constants } from './constants.ts'
import { distinct, hitRatio } from './hit-ratio.ts'
import { limitsOf, limitsReached } from './limits.ts'
import { type Load, SAFE, USUAL } from './load.ts'
import type { Outcome } from './outcome.ts'
import { simulate } from './simulation.ts'

const verb = { commands: 2, bytesIn: 100, bytesOut: 100, commandMicros: 2, cpuMicros: 10 }
const asked = { redis: 4, sql: { reads: 3, writes: 2 } }
/** Round numbers, so that what comes out can be worked out by hand. */
const ROUND: Constants = {
  verbs: { check: verb, touch: verb, issue: verb, redeem: verb, start: verb, revoke: verb, beat: verb },
  memory: { session: 250, ticket: 400, tombstone: 200, unnoted: 100 },
  delivery: { redisMicros: 2, redisMicrosTogether: 1, bytes: 100, agentMicros: 5 },
  agent: { heapPerSession: 400 },
  atRest: { redisPerSecond: 7, sqlPerSecond: 4 },
  service: { signIn: asked, authorize: asked, signOut: asked, hashMicros: 400_000 },
  following: {
    followMicros: 1_000,
    noteMicros: 1_000,
    replayQueryMicros: 1,
    replayMicros: 10,
    sweepMicros: 10,
    endSeriesMicros: 0.1,
  },
  row: { session: 400, site: 100, series: 400 },
}
const at = (change: Partial<Load>): Outcome => simulate({ ...USUAL, ...change }, SAFE, ROUND)

test('the same load comes to the same outcome', t => {
  t.deepEqual(at({ sessions: 1e8 }), at({ sessions: 1e8 }))
})

test('sessions take the bytes that were measured, and shards hold no more than they may', t => {
  const { bytes, shards, nodes, perShard } = at({ sessions: 1e9 }).redis
  t.is(bytes.sessions, 250e9)
  t.is(nodes, 2 * shards)
  t.true(perShard.bytes <= SAFE.shardBytes)
})

test('a shard is asked no more than half a core can do', t => {
  const { cores, shards } = at({ sessions: 1e8, viewsPerSessionMinute: 2, sticky: false }).redis
  t.true(shards > 1)
  t.true(cores / shards <= SAFE.coreShare)
})

test('a million sessions need one master and its replica', t => {
  const { redis } = at({ sessions: 1e6 })
  t.deepEqual([redis.shards, redis.nodes], [1, 2])
})

test('of a visit to one agent only the first view is read from the store', t => {
  const load = { visit: { views: 10, minutes: 10 }, cache: 50_000 }
  t.is(hitRatio(load, { agents: 1, viewsPerAgent: 1, forgets: 0 }), 0.9)
})

test('the more agents a visit is spread over, the less their memories help', t => {
  const load = { visit: { views: 10, minutes: 10 }, cache: 50_000 }
  const ratio = (agents: number) => hitRatio(load, { agents, viewsPerAgent: 1, forgets: 0 })
  t.true(ratio(1) > ratio(2) && ratio(2) > ratio(20) && ratio(20) > 0)
  t.true(ratio(1_000) < 0.01)
})

test('a memory that is too small for the visits under way helps less', t => {
  const visit = { views: 10, minutes: 10 }
  const ratio = (cache: number) => hitRatio({ visit, cache }, { agents: 1, viewsPerAgent: 500, forgets: 0 })
  t.is(ratio(50_000), 0.9)
  // 50 misses a second, and a minute between two views: 3,000 are under way.
  t.true(Math.abs(ratio(500) - 0.15) < 1e-9)
})

test('what is forgotten takes the rest of its part along', t => {
  const load = { visit: { views: 10, minutes: 10 }, cache: 50_000 }
  const ratio = (forgets: number) => hitRatio(load, { agents: 1, viewsPerAgent: 1, forgets })
  t.true(ratio(2 ** 17 / 60) < ratio(1))
  t.true(Math.abs(ratio(2 ** 17 / 60) - 0.9 / Math.E) < 1e-9)
})

test('views that are sent anywhere come to all agents in the end, and never to more', t => {
  t.is(distinct(1, 10), 1)
  t.true(distinct(20, 10) < 10)
  t.true(Math.abs(distinct(20, 1e6) - 20) < 1e-6)
})

test('every agent hears every ending, so a fleet that doubles with its sessions is told four times as much', t => {
  const [one, two] = [at({ sessions: 1e9 }), at({ sessions: 2e9 })]
  t.true(Math.abs(two.link.forgets / one.link.forgets - 2) < 1e-9)
  const ratio = two.link.deliveries / one.link.deliveries
  t.true(ratio > 3.9 && ratio < 4.1)
})

test('no more masters carry the link than there are lanes', t => {
  const few = simulate({ ...USUAL, sessions: 1e9 }, { ...SAFE, lanes: 4 }, ROUND)
  t.true(few.redis.shards > 4)
  t.true(few.link.laneCore >= (few.link.deliveries / 4) * 2e-6 * 0.999)
})

test('every process of the auth service looks in every lane after every ending', t => {
  const { link, service } = at({ sessions: 1e9, endingsPerSessionDay: 0.01 })
  t.true(service.processes > 2)
  t.true(Math.abs(link.looks / (service.processes * 16 * (link.forgets + 2)) - 1) < 1e-9)
})

test('a storm adds its share of the sessions to what is heard', t => {
  const storm = { share: 0.01, minutes: 10 }
  const [calm, stormy] = [at({ sessions: 1e8 }), at({ sessions: 1e8, storm })]
  t.true(Math.abs(stormy.link.forgets - calm.link.forgets - 1e6 / 600) < 1e-6)
  t.true(stormy.service.followed > calm.service.followed)
  t.true(stormy.replay.seconds > calm.replay.seconds)
})

test('a replay takes as long as there are rows of ended sessions', t => {
  const { sql, replay } = at({ sessions: 1e6, endingsPerSessionDay: 0.02, absoluteDays: 30 })
  t.is(sql.endedRows, 600_000)
  t.is(replay.seconds, 6)
})

test('sign-ins that give a password cost a hash, the others none', t => {
  const { hashCores } = at({ sessions: 1e8, wokenShare: 0.5 }).service
  t.true(hashCores > 0)
  t.is(at({ sessions: 1e8, wokenShare: 1 }).service.hashCores, 0)
})

test('each limit is reached where a load of that many sessions uses all of it', t => {
  const reached = limitsReached(USUAL, SAFE, ROUND)
  t.deepEqual(
    reached.map(({ sessions }) => sessions),
    reached.map(({ sessions }) => sessions).toSorted((a, b) => a - b),
  )
  for (const { what, sessions } of reached.filter(limit => limit.sessions < 1e11)) {
    const uses = limitsOf(at({ sessions: sessions * 1.01 }), SAFE)
    t.true((uses.find(use => use.what === what)?.used ?? 0) > 0.99, what)
  }
})
