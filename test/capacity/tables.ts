import { numbersTable } from '../bench/table.ts'
import { type Statements, VERBS, type Verb } from './constants.ts'
import type { Measured } from './measure.ts'
import { digits, shownTime } from './shown.ts'

const VERB_NAMES: Readonly<Record<Verb, string>> = {
  check: 'a check that misses',
  touch: 'a touch',
  issue: 'a ticket issued',
  redeem: 'a ticket redeemed',
  start: 'a session started',
  revoke: 'a revocation, with nobody who hears it',
  beat: 'a beat, one master',
}

/** What Redis does for each verb. */
export function verbsTable({ constants }: Measured): string {
  const rows = VERBS.map(verb => {
    const { commands, bytesIn, bytesOut, commandMicros, cpuMicros } = constants.verbs[verb]
    return [
      VERB_NAMES[verb],
      digits(commands),
      ...[bytesIn, bytesOut].map(bytes => String(Math.round(bytes))),
      digits(commandMicros),
      digits(cpuMicros),
    ]
  })
  return numbersTable(
    ['what', 'commands', 'bytes in', 'bytes out', 'µs in commands', "µs of Redis' core"],
    rows,
  )
}

/** What is held, and where. */
export function memoryTable({ constants, told }: Measured): string {
  const { memory, agent, row } = constants
  const inRedis = (['session', 'ticket', 'tombstone', 'unnoted'] as const).map(kind => [
    `in Redis: ${kind === 'unnoted' ? 'an entry of the unnoted set' : `a ${kind}`}`,
    String(Math.round(memory[kind])),
    String(Math.round(told[kind])),
  ])
  const others: [string, number][] = [
    ['in an agent: a session of its memory', agent.heapPerSession],
    ['in PostgreSQL: a row of `sessions`', row.session],
    ['in PostgreSQL: a row of `session_sites`', row.site],
    ['in PostgreSQL: a row of `remember_series`', row.series],
  ]
  return numbersTable(
    ['what', 'bytes', 'by MEMORY USAGE'],
    [...inRedis, ...others.map(([what, bytes]) => [what, String(Math.round(bytes)), ''])],
  )
}

/** What an auth service asks of Redis and PostgreSQL for a request. */
export function requestsTable({ constants: { service, atRest } }: Measured): string {
  const requests: [string, { redis: number; sql: Statements }][] = [
    ['a sign-in, remembered, three `pull` sites', service.signIn],
    ["a site's pixel or bounce, for each site", service.authorize],
    ['a sign-out, remembered', service.signOut],
  ]
  const rows = requests.map(([what, { redis, sql }]) => [
    what,
    String(Math.round(redis)),
    String(Math.round(sql.reads)),
    String(Math.round(sql.writes)),
  ])
  return `${numbersTable(['what', 'Redis commands', 'SQL reads', 'SQL writes'], rows)}

One process that nobody asks anything: ${digits(atRest.redisPerSecond)} Redis commands and ${digits(atRest.sqlPerSecond)} SQL statements a second.`
}

/** Times of single steps. */
export function timesTable({ constants: { delivery, following, service } }: Measured): string {
  const rows: [string, number][] = [
    ["a message to one subscriber, one at a time: Redis' core", delivery.redisMicros],
    ["a message to one subscriber, 50 together: Redis' core", delivery.redisMicrosTogether],
    ["a message that an agent hears: the agent's core", delivery.agentMicros],
    ['`follow`, for a session that SQL says has to end', following.followMicros],
    ['`noteEndedElsewhere`, for a session signed out at a site', following.noteMicros],
    ['`replay`, for a row of an ended session: the query alone', following.replayQueryMicros],
    ['`replay`, for a row of an ended session', following.replayMicros],
    ['`sweep`, for a row of a live session that is not remembered', following.sweepMicros],
    ["`endSeries`, for each live session in SQL, anybody's", following.endSeriesMicros],
    ['the hash of a password, cost 12: a core', service.hashMicros],
  ]
  return numbersTable(
    ['what', 'µs'],
    rows.map(([what, micros]) => [what, digits(micros)]),
  )
}

/** What was seen where there is much to do. */
export function seenTable({ seen }: Measured): string {
  const replays = seen.replays.map(({ ended, ms }) => [
    `a replay with ${ended.toLocaleString('en')} rows of ended sessions`,
    ms === null ? '**given up by PostgreSQL**' : shownTime(ms),
  ])
  const followed = seen.followed.map(({ processes, ms, messages }) => [
    `1,000 endings in SQL, followed by ${processes === 1 ? 'one process' : `${processes} processes`}`,
    `${shownTime(ms)}, ${messages.toLocaleString('en')} messages`,
  ])
  const signOut = ['the sign-out of a remembered browser while 2,000 endings wait', shownTime(seen.signOutMs)]
  return numbersTable(['what', 'seen'], [...replays, ...followed, signOut])
}
