import { numbersTable } from '../bench/table.ts'
import type { Constants } from './constants.ts'
import { limitsOf, limitsReached } from './limits.ts'
import { SAFE, USUAL } from './load.ts'
import type { Outcome } from './outcome.ts'
import { digits, shown, shownBytes, shownShare, shownTime } from './shown.ts'
import { simulate } from './simulation.ts'

const SIZES = [1e6, 1e8, 1e9]
/** One session in a hundred, within ten minutes. */
const STORM = { share: 0.01, minutes: 10 }

const LINES: readonly (readonly [string, (outcome: Outcome) => string])[] = [
  ['page views a second', ({ views }) => shown(views)],
  ['agents', ({ agents }) => shown(agents)],
  ['checks that an agent answers from memory', ({ hitRatio }) => shownShare(hitRatio)],
  ['Redis: sessions', ({ redis }) => shownBytes(redis.bytes.sessions)],
  ['Redis: tombstones', ({ redis }) => shownBytes(redis.bytes.tombstones)],
  ['Redis: tickets', ({ redis }) => shownBytes(redis.bytes.tickets)],
  ['Redis: commands a second', ({ redis }) => shown(redis.opsPerSecond)],
  ['Redis: cores, without the link', ({ redis }) => digits(redis.cores)],
  ['masters', ({ redis }) => shown(redis.shards)],
  ['nodes, with a replica each', ({ redis }) => shown(redis.nodes)],
  ['a master: memory', ({ redis }) => shownBytes(redis.perShard.bytes)],
  ['a master: commands a second', ({ redis }) => shown(redis.perShard.ops)],
  ['a master: bits a second', ({ redis }) => shown(redis.perShard.bitsPerSecond)],
  ['a master: connections', ({ redis }) => shown(redis.perShard.connections)],
  ['endings a second', ({ link }) => shown(link.forgets)],
  ['beats that each agent hears a second', ({ link }) => shown(link.beats)],
  ["hearing: an agent's core", ({ link }) => shownShare(link.agentCore)],
  ['deliveries a second, all masters', ({ link }) => shown(link.deliveries)],
  ['looks for what was not noted a second, all masters', ({ link }) => shown(link.looks)],
  ['deliveries and looks: core of a master with lanes', ({ link }) => shownShare(link.laneCore)],
  ['SQL: writes a second', ({ sql }) => shown(sql.writes)],
  ['SQL: rows of sessions', ({ sql }) => shown(sql.sessionRows)],
  ['SQL: size', ({ sql }) => shownBytes(sql.bytes)],
  ['auth service: cores for passwords, half used', ({ service }) => shown(service.hashCores)],
  ['auth service: processes', ({ service }) => shown(service.processes)],
  ['rows that a replay reads', ({ sql }) => shown(sql.endedRows)],
  ['a replay', ({ replay }) => shownTime(replay.seconds * 1_000)],
]

/** What the usual load comes to. */
export function loadsTable(constants: Constants): string {
  const outcomes = SIZES.map(sessions => simulate({ ...USUAL, sessions }, SAFE, constants))
  return numbersTable(
    ['live sessions', ...SIZES.map(shown)],
    LINES.map(([what, of]) => [what, ...outcomes.map(of)]),
  )
}

/** What the memories of agents are good for, where browsers come back to the same agent and where not. */
export function spreadTable(constants: Constants): string {
  const rows = [true, false].flatMap(sticky => {
    const outcomes = SIZES.map(sessions => simulate({ ...USUAL, sessions, sticky }, SAFE, constants))
    const how = sticky ? 'to the same agent' : 'to any agent of the site'
    return [
      [`${how}: from memory`, ...outcomes.map(({ hitRatio }) => shownShare(hitRatio))],
      [`${how}: Redis commands a second`, ...outcomes.map(({ redis }) => shown(redis.opsPerSecond))],
    ]
  })
  return numbersTable(['live sessions', ...SIZES.map(shown)], rows)
}

/** How much of each limit is used, now and in a storm. */
export function stormTable(constants: Constants): string {
  const outcomes = SIZES.map(sessions => simulate({ ...USUAL, sessions, storm: STORM }, SAFE, constants))
  const uses = outcomes.map(outcome => limitsOf(outcome, SAFE))
  const lines: [string, ...string[]][] = [
    ['endings a second', ...outcomes.map(({ link }) => shown(link.forgets))],
    ['checks that an agent answers from memory', ...outcomes.map(({ hitRatio }) => shownShare(hitRatio))],
    [
      'the storm as `follow` carries it out, one process',
      ...SIZES.map(sessions => stormTime(sessions, constants)),
    ],
  ]
  const limits = (uses[0] ?? []).map(({ what }, index) => [
    `used: ${what}`,
    ...uses.map(use => shownShare(use[index]?.used ?? Number.NaN)),
  ])
  return numbersTable(['live sessions', ...SIZES.map(shown)], [...lines, ...limits])
}

/** The limits, in the order in which they are reached. */
export function limitsTable(constants: Constants): string {
  const anywhere = limitsReached({ ...USUAL, sticky: false }, SAFE, constants)
  const rows = limitsReached(USUAL, SAFE, constants).map(({ what, sessions }) => {
    const spread = anywhere.find(limit => limit.what === what)?.sessions ?? Number.NaN
    return [what, shown(sessions), shown(spread)]
  })
  return numbersTable(['limit', 'reached at', 'browsers come to any agent'], rows)
}

/** The assumptions in words. */
export function assumptionsTable(): string {
  const { visit, ...load } = USUAL
  const assumed = [
    ['sign-ins of a live session a day', digits(load.signInsPerSessionDay)],
    ['of these by a remembered browser, without a password', shownShare(load.wokenShare)],
    ['browsers that are remembered', shownShare(load.rememberedShare)],
    [
      'endings of a live session a day (sign-outs, new passwords, operators)',
      digits(load.endingsPerSessionDay),
    ],
    ['of these at the auth service, not at a site', shownShare(load.endedAtServiceShare)],
    ['absolute end of a session', `${load.absoluteDays} days`],
    ['a browser is remembered for', `${load.rememberDays} days`],
    ['page views of a live session a minute, the mean of day and night', digits(load.viewsPerSessionMinute)],
    ['the busiest minute, in times of the mean', digits(load.peak)],
    ['a visit to a site', `${visit.views} page views in ${visit.minutes} minutes`],
    ['sites', digits(load.sites)],
    ['sites that a sign-in is taken to', digits(load.sitesPerSignIn)],
    ['page views that an agent (a process) answers a second', digits(load.viewsPerAgentSecond)],
    ['agents of a site, at least', digits(load.agentsPerSiteAtLeast)],
    ['a browser comes back to the same agent', load.sticky ? 'yes' : 'no'],
    ["sessions in an agent's memory", load.cache.toLocaleString('en')],
    ['a touch, for a session and agent, every', `${load.touchSeconds} s`],
    ['cores of a machine with one process of the auth service', digits(load.coresPerService)],
  ]
  const safe = [
    ['data in a master, on a machine of twice that', shownBytes(SAFE.shardBytes)],
    ['of a core, wherever one process cannot use a second', shownShare(SAFE.coreShare)],
    ["a machine's network, in bits a second", shown(SAFE.networkBitsPerSecond)],
    ["a master's connections, its `maxclients` as it comes", SAFE.connections.toLocaleString('en')],
    ['statements a second that write, at one PostgreSQL', shown(SAFE.sqlWritesPerSecond)],
    ['how long a replay may keep a new master from being read', `${SAFE.replaySeconds} s`],
    ["Carnet's own: lanes of a cluster", digits(SAFE.lanes)],
  ]
  return [numbersTable(['the load', 'assumed'], assumed), numbersTable(['the limits', 'assumed'], safe)].join(
    '\n\n',
  )
}

function stormTime(sessions: number, { following }: Constants): string {
  return shownTime((sessions * STORM.share * following.followMicros) / 1e3)
}
