import type { Constants, Verb } from './constants.ts'
import { distinct, hitRatio } from './hit-ratio.ts'
import type { Limits, Load } from './load.ts'
import type { Outcome } from './outcome.ts'

const DAY_S = 86_400
const BEATS_PER_SECOND = 2.5
const NOTES_PER_SECOND = 2
// Each ending heard has a process look again for what was not noted, one look after the other, of a ms or so.
const LOOKS_PER_SECOND_AT_MOST = 1_000
const TICKET_LIFE_S = 3

/** What a load comes to. Says nothing of whether it can be carried: see `limitsOf`. */
export function simulate(load: Load, limits: Limits, measured: Constants): Outcome {
  const { sessions, peak } = load
  const views = ((sessions * load.viewsPerSessionMinute) / 60) * peak
  const agents = Math.max(load.sites * load.agentsPerSiteAtLeast, Math.ceil(views / load.viewsPerAgentSecond))
  const signIns = ((sessions * load.signInsPerSessionDay) / DAY_S) * peak
  const endings = ((sessions * load.endingsPerSessionDay) / DAY_S) * peak
  const stormed = load.storm === null ? 0 : (sessions * load.storm.share) / (load.storm.minutes * 60)
  const forgets = endings + stormed

  const hashCores = (signIns * (1 - load.wokenShare) * measured.service.hashMicros) / 1e6 / limits.coreShare
  const processes = Math.max(2, Math.ceil(hashCores / load.coresPerService))
  const agentsOfBrowser = load.sticky ? 1 : Math.max(1, agents / load.sites)
  const viewsPerAgent = views / agents
  const hits = hitRatio(load, { agents: agentsOfBrowser, viewsPerAgent, forgets })
  const rates = {
    check: views * (1 - hits),
    touch: touchesPerSecond(load, views, agentsOfBrowser),
    issue: signIns * load.sitesPerSignIn,
    redeem: signIns * load.sitesPerSignIn,
    start: signIns,
    revoke: forgets,
    beat: 0,
  }

  const sql = sqlOf(load, measured, { signIns, endings: forgets })
  const redis = redisOf(load, limits, measured, { rates, agents, processes })
  const link = linkOf(load, limits, measured, { forgets, agents, processes, shards: redis.shards })
  const ofService =
    load.storm === null ? endings * load.endedAtServiceShare : endings * load.endedAtServiceShare + stormed
  const { following } = measured
  return {
    views,
    agents,
    hitRatio: hits,
    redis,
    link,
    sql,
    service: {
      processes,
      hashCores,
      followed: (ofService * following.followMicros) / 1e6,
      noted: (endings * (1 - load.endedAtServiceShare) * following.noteMicros) / 1e6,
    },
    replay: {
      seconds: (sql.endedRows * following.replayMicros) / 1e6,
    },
  }
}

/** An agent touches a session once in a while; each of the agents that a browser comes to does so. */
function touchesPerSecond({ visit, touchSeconds }: Load, views: number, agentsOfBrowser: number): number {
  const inVisit = (visit.views / visit.minutes) * (touchSeconds / 60)
  return inVisit <= 1 ? views : (views / inVisit) * distinct(agentsOfBrowser, inVisit)
}

function redisOf(
  load: Load,
  limits: Limits,
  { verbs, memory }: Constants,
  { rates, agents, processes }: { rates: Record<Verb, number>; agents: number; processes: number },
): Outcome['redis'] {
  const each = Object.entries(rates) as [Verb, number][]
  const total = (cost: (verb: Verb) => number) =>
    each.reduce((sum, [verb, rate]) => sum + rate * cost(verb), 0)
  const { sessions } = load
  const revokedPerSecond = (sessions * load.endingsPerSessionDay) / DAY_S
  const stormed = load.storm === null ? 0 : sessions * load.storm.share
  const tombstones = (revokedPerSecond * DAY_S * load.rememberDays + stormed) * load.rememberedShare
  const bytes = {
    sessions: (sessions - stormed) * memory.session,
    tombstones: tombstones * memory.tombstone,
    tickets: rates.issue * TICKET_LIFE_S * memory.ticket,
  }
  const allBytes = bytes.sessions + bytes.tombstones + bytes.tickets
  const cores = total(verb => verbs[verb].cpuMicros) / 1e6
  // What is written goes to the replica as well.
  const isWrite = (verb: Verb) => verb !== 'check'
  const bits = 8 * total(verb => verbs[verb].bytesIn * (isWrite(verb) ? 2 : 1) + verbs[verb].bytesOut)
  const shards = Math.ceil(
    Math.max(1, allBytes / limits.shardBytes, cores / limits.coreShare, bits / limits.networkBitsPerSecond),
  )
  const ofProcesses = processes * (restOf(shards, limits) + looksOf(rates.revoke) * lanesOf(shards, limits))
  const opsPerSecond = total(verb => verbs[verb].commands) + ofProcesses
  return {
    bytes,
    opsPerSecond,
    cores,
    shards,
    nodes: 2 * shards,
    perShard: {
      bytes: allBytes / shards,
      ops: opsPerSecond / shards,
      bitsPerSecond: bits / shards,
      // For commands, for the link, and for revocations that wait for a replica.
      connections: 3 * (agents + processes),
    },
  }
}

/** What a process of the auth service tells Redis by itself: that it lives, in each lane, and that masters are in order. */
function restOf(shards: number, limits: Limits): number {
  return BEATS_PER_SECOND * (shards + lanesOf(shards, limits))
}

/** How often a second a process of the auth service looks, in every lane, for what was not noted. */
function looksOf(forgets: number): number {
  return NOTES_PER_SECOND + Math.min(forgets, LOOKS_PER_SECOND_AT_MOST)
}

function lanesOf(shards: number, limits: Limits): number {
  return shards === 1 ? 1 : limits.lanes
}

function linkOf(
  load: Load,
  limits: Limits,
  { delivery, verbs }: Constants,
  {
    forgets,
    agents,
    processes,
    shards,
  }: { forgets: number; agents: number; processes: number; shards: number },
): Outcome['link'] {
  const lanes = lanesOf(shards, limits)
  const beats = BEATS_PER_SECOND * lanes * processes
  const perAgent = forgets + beats
  const hearers = agents + processes
  const deliveries = perAgent * hearers
  const micros = load.storm === null ? delivery.redisMicros : delivery.redisMicrosTogether
  // Lanes lie where their slots do: no more masters carry them than there are lanes.
  const masters = Math.min(lanes, shards)
  const most = deliveries / masters
  const looks = processes * looksOf(forgets) * lanes
  return {
    forgets,
    beats,
    perAgent,
    agentCore: (perAgent * delivery.agentMicros) / 1e6,
    agentBitsPerSecond: 8 * perAgent * delivery.bytes,
    deliveries,
    looks,
    // A look is a read of one key, like a check.
    laneCore: (most * micros + (looks / masters) * verbs.check.cpuMicros) / 1e6,
    laneBitsPerSecond: 8 * most * delivery.bytes,
  }
}

function sqlOf(
  load: Load,
  { service, row }: Constants,
  { signIns, endings }: { signIns: number; endings: number },
): Outcome['sql'] {
  const startsPerDay = load.sessions * load.signInsPerSessionDay
  const stormed = load.storm === null ? 0 : load.sessions * load.storm.share
  // Rows of ended sessions, and of remembered ones, stay until the absolute end.
  const endedRows = load.sessions * load.endingsPerSessionDay * load.absoluteDays + stormed
  const sessionRows = Math.max(
    load.sessions + endedRows,
    load.sessions * (1 - load.rememberedShare) + startsPerDay * load.absoluteDays * load.rememberedShare,
  )
  const seriesRows = startsPerDay * (1 - load.wokenShare) * load.rememberedShare * load.rememberDays
  const bytes = sessionRows * (row.session + load.sitesPerSignIn * row.site) + seriesRows * row.series
  // The sweep forgets each session in the end, and the sites that it was taken to.
  const sweeping = 2
  const writes =
    signIns * (sweeping + service.signIn.sql.writes + load.sitesPerSignIn * service.authorize.sql.writes) +
    endings * service.signOut.sql.writes
  return { writes, sessionRows, endedRows, bytes }
}
