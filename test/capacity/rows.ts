import { sessionHandle } from '@carnet/protocol'
import { sql } from 'kysely'
import type { Database } from '../../packages/auth-service/src/accounts/database.ts'
import { inBatches } from '../bench/in-batches.ts'
import type { Constants } from './constants.ts'
import { addEnded } from './ended-rows.ts'
import { addLive, markEnded, openScene } from './scene.ts'

const ENDED = 200_000
const LIVE = 20_000
const FOLLOWED = 500
const SCANS = 50
const TURNS = 3
const DAY_MS = 86_400_000

/** How large rows are, and how long the auth service's own work over many of them takes, with nothing beside it. */
export async function measureRows(): Promise<Pick<Constants, 'following' | 'row'>> {
  const scene = await openScene()
  const { store, database } = scene
  const sessions = scene.process()
  const endOfNobody = () =>
    least(SCANS, async () => {
      for (let time = 0; time < SCANS; time++) await sessions.endSeries(`series-of-nobody-${time}`)
    })
  try {
    const endAlone = await endOfNobody()
    const sids = await addLive(scene, LIVE)
    await addBeside(database, sids)
    await sql`vacuum analyze`.execute(database)
    const endSeriesMicros = ((await endOfNobody()) - endAlone) / LIVE
    const row = await sizes(database)
    const sweepMicros = await least(LIVE, () => sessions.sweep())
    const next = () => sids.splice(0, FOLLOWED)
    const followMicros = await least(FOLLOWED, async () => {
      await markEnded(scene, next())
      await sessions.follow()
    })
    const noteMicros = await least(FOLLOWED, async () => {
      await inBatches(next(), 100, sid => store.revoke(sid, { rememberUntil: 0, noted: false }))
      while ((await sessions.noteEndedElsewhere()) > 0);
    })
    await addEnded(database, 1, ENDED)
    const replayQueryMicros = await least(ENDED, () => endedRows(database))
    const replayMicros = await least(ENDED, () => sessions.replay())
    return {
      row,
      following: { sweepMicros, followMicros, noteMicros, replayQueryMicros, replayMicros, endSeriesMicros },
    }
  } finally {
    await scene.close()
  }
}

/** For each session a site that it was taken to, and a browser that is remembered. */
async function addBeside(database: Database, sids: readonly string[]): Promise<void> {
  const now = Date.now()
  for (let at = 0; at < sids.length; at += 500) {
    const some = sids.slice(at, at + 500)
    const sites = some.map(sid => ({ session_id: sessionHandle(sid), site: 'shop' }))
    await database.insertInto('session_sites').values(sites).execute()
    const series = some.map(sid => ({
      id: sid,
      user_id: sid.slice(0, 21),
      epoch: 0,
      token_hash: 'x'.repeat(43),
      successor_hash: 'x'.repeat(43),
      successor_salt: 'x'.repeat(32),
      successor_at: now,
      sid,
      authenticated_at: now,
      expires_at: now + 30 * DAY_MS,
    }))
    await database.insertInto('remember_series').values(series).execute()
  }
}

/** The query of `replay`. */
async function endedRows(database: Database): Promise<unknown> {
  return database
    .selectFrom('sessions')
    .select('sid')
    .where('ended_at', '>', 0)
    .where('expires_at', '>', Date.now() - 600_000)
    .orderBy('ended_at', 'desc')
    .execute()
}

async function sizes(database: Database): Promise<Constants['row']> {
  const of = async (table: string) => {
    const { rows } = await sql<{
      size: number
    }>`select pg_total_relation_size(${table}::regclass) as size`.execute(database)
    return Number(rows[0]?.size) / LIVE
  }
  return {
    session: await of('sessions'),
    site: await of('session_sites'),
    series: await of('remember_series'),
  }
}

/** The time for each item in µs, the least of some turns: others on the machine only add to it. */
async function least(items: number, work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  while (took.length < TURNS) {
    const begunAt = performance.now()
    await work()
    took.push(performance.now() - begunAt)
  }
  return (Math.min(...took) * 1_000) / items
}
