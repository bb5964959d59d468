import type { Store } from '@carnet/protocol'
import { asked, type Database } from './database.ts'

/** A live session, as its owner may see it. Moments are ms since epoch. */
export interface SessionView {
  /** The session's handle. */
  readonly id: string
  /** `Firefox on Linux`; empty where the browser did not say. */
  readonly device: string
  /** The network that it began in, `192.0.2.*`. */
  readonly address: string
  readonly startedAt: number
  /** To the minute. */
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly remembered: boolean
  /** Ids of the sites that it was taken to. */
  readonly sites: readonly string[]
}

const AT_ONCE = 1_000

/** The live sessions of a user, or of all, the latest first. `idle` in ms. Throws `store_unavailable`. */
export async function listSessions(
  database: Database,
  store: Store,
  idle: number,
  userId: string | undefined,
): Promise<(SessionView & { userId: string })[]> {
  let query = database.selectFrom('sessions').selectAll().where('ended_at', 'is', null)
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  const rows = await asked(query.orderBy('started_at', 'desc').execute())
  const ends = await endsOf(store, rows)
  const sites = await sitesOf(database, userId)
  const views: (SessionView & { userId: string })[] = []
  for (const [index, row] of rows.entries()) {
    const end = ends[index] ?? null
    if (end === null) continue
    views.push({
      id: row.id,
      userId: row.user_id,
      device: row.device,
      address: row.address,
      startedAt: row.started_at,
      lastSeenAt: Math.max(row.started_at, end - idle),
      expiresAt: row.expires_at,
      remembered: row.series_id !== null,
      sites: sites.get(row.id) ?? [],
    })
  }
  return views
}

/** Until when each of some sessions lives, null for those that are gone; in round trips of a thousand. */
export async function endsOf(store: Store, rows: readonly { sid: string }[]): Promise<(number | null)[]> {
  const ends: (number | null)[] = []
  for (let start = 0; start < rows.length; start += AT_ONCE) {
    ends.push(...(await store.ends(rows.slice(start, start + AT_ONCE).map(({ sid }) => sid))))
  }
  return ends
}

/** The sites of each session, of a user or of all. */
async function sitesOf(database: Database, userId: string | undefined): Promise<Map<string, string[]>> {
  let query = database
    .selectFrom('session_sites')
    .innerJoin('sessions', 'sessions.id', 'session_sites.session_id')
    .select(['session_id', 'site'])
    .where('ended_at', 'is', null)
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  const sites = new Map<string, string[]>()
  for (const { session_id, site } of await asked(query.orderBy('site').execute())) {
    sites.set(session_id, [...(sites.get(session_id) ?? []), site])
  }
  return sites
}
