import type { Constants } from './constants.ts'
import type { Limits, Load } from './load.ts'
import type { Outcome } from './outcome.ts'
import { simulate } from './simulation.ts'

/** Something that more Redis nodes do not help, and how much of it is used: more than 1 is too much. */
export interface LimitUse {
  readonly what: string
  readonly used: number
}

/** A limit, and the number of live sessions at which it is reached. */
export interface LimitReached {
  readonly what: string
  readonly sessions: number
}

/** How near an outcome is to each limit. */
export function limitsOf(outcome: Outcome, limits: Limits): LimitUse[] {
  const { link, sql, service, replay, redis } = outcome
  return [
    { what: 'a replay, all of it', used: replay.seconds / limits.replaySeconds },
    { what: 'ending what SQL says, one process', used: service.followed },
    { what: 'noting what sites ended, one process', used: service.noted },
    { what: 'statements that one PostgreSQL writes', used: sql.writes / limits.sqlWritesPerSecond },
    { what: 'the core of a master that carries lanes', used: link.laneCore / limits.coreShare },
    { what: 'the network of such a master', used: link.laneBitsPerSecond / limits.networkBitsPerSecond },
    { what: "an agent's core, for hearing", used: link.agentCore / limits.coreShare },
    { what: "a master's connections", used: redis.perShard.connections / limits.connections },
  ]
}

/** The limits in the order in which a growing number of sessions reaches them. */
export function limitsReached(load: Load, limits: Limits, measured: Constants): LimitReached[] {
  const used = (sessions: number) => limitsOf(simulate({ ...load, sessions }, limits, measured), limits)
  return used(1)
    .map(({ what }, index) => ({ what, sessions: reachedAt(sessions => used(sessions)[index]?.used ?? 0) }))
    .sort((one, other) => one.sessions - other.sessions)
}

const FEWEST = 1e3
const MOST = 1e12

/** The number at which a share that grows comes to 1, between a thousand and a trillion. */
function reachedAt(used: (sessions: number) => number): number {
  let [low, high] = [FEWEST, MOST]
  for (let step = 0; step < 60; step++) {
    const middle = Math.sqrt(low * high)
    if (used(middle) < 1) low = middle
    else high = middle
  }
  return low
}
