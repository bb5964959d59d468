import {
  CarnetError,
  type Client,
  type Manifest,
  newSid,
  revokeSession,
  type Store,
  sessionHandle,
  startSession,
} from '@carnet/protocol'
import type { Selectable, Updateable } from 'kysely'
import { asked, type Database, type SessionRow } from './database.ts'
import { deviceName } from './device.ts'
import { endsOf, listSessions, type SessionView } from './session-list.ts'
import type { Account } from './user-row.ts'
import type { Users } from './users.ts'

/** What is known of a new session. */
export interface Beginning {
  readonly sid?: string
  readonly client: Client
  readonly userAgentHeader: string
  /** Null where the browser is not to be remembered. */
  readonly series: { readonly id: string; readonly expiresAt: number } | null
  /** When the password was given. Default: now. */
  readonly authenticatedAt?: number
}

/** What is younger may be in the making, or known to a clock that is slow. */
const SETTLED_MS = 600_000
const FOLLOWED_AT_ONCE = 100

type Stale = Pick<Selectable<SessionRow>, 'id' | 'sid' | 'user_id' | 'epoch' | 'ended_at'>

/** Which sessions of a user are meant: one by its handle, all, or all but one. */
export type Which = { readonly id: string } | 'all' | { readonly allBut: string }

/**
 * The sessions in SQL: whose they are, where they began, and which have to end. What SQL says, `follow` makes the store
 * say, at once after a change and again every half second, so that a change made by another process, or while the
 * store was away, arrives as well.
 */
export class Sessions {
  readonly #database: Database
  readonly #store: Store
  readonly #users: Users
  readonly #manifest: () => Manifest

  constructor(database: Database, store: Store, users: Users, manifest: () => Manifest) {
    this.#database = database
    this.#store = store
    this.#users = users
    this.#manifest = manifest
  }

  /**
   * Starts a session. The row comes first, and the user and the series are looked at again afterwards, so that a change,
   * a disabling or a sign-out that happens meanwhile is not missed. Throws `invalid_credentials` where the user was disabled or removed,
   * `session_gone` where the sid was revoked, and `store_unavailable`.
   */
  async begin(account: Account, { sid = newSid(), ...beginning }: Beginning): Promise<string> {
    const { session } = this.#manifest()
    const now = this.#store.now()
    const id = sessionHandle(sid)
    const row = {
      id,
      sid,
      user_id: account.user.id,
      series_id: beginning.series?.id ?? null,
      epoch: account.epoch,
      revision: account.revision,
      device: deviceName(beginning.userAgentHeader),
      address: networkOf(beginning.client.address),
      started_at: now,
      expires_at: now + session.absolute,
      ended_at: null,
      stale: 0,
      renewed_at: null,
    }
    await asked(
      this.#database
        .insertInto('sessions')
        .values(row)
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    )
    await startSession(this.#store, account.user, session, {
      sid,
      revision: account.revision,
      rememberedUntil: beginning.series?.expiresAt ?? 0,
      ...(beginning.authenticatedAt !== undefined && { authenticatedAt: beginning.authenticatedAt }),
    })
    const current = await this.#users.find({ id: account.user.id })
    const { series } = beginning
    const isOver =
      current === null ||
      current.disabled ||
      current.epoch !== account.epoch ||
      (series !== null && !(await this.#hasSeries(series.id)))
    if (isOver) {
      await this.end(account.user.id, { id })
      // Where the row had ended before, that has found nothing.
      await this.#endRow(id, sid)
      throw new CarnetError('invalid_credentials', 'The e-mail address or the password is wrong.')
    }
    if (current.revision !== account.revision) await this.#store.renew(sid, current.user, current.revision)
    return sid
  }

  /** Notes that a session was taken to a site. */
  async noteSite(sid: string, site: string): Promise<void> {
    await asked(
      this.#database
        .insertInto('session_sites')
        .values({ session_id: sessionHandle(sid), site })
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    )
  }

  /** The live sessions of a user, or of all, the latest first. Throws `store_unavailable`. */
  async list(userId?: string): Promise<(SessionView & { userId: string })[]> {
    return listSessions(this.#database, this.#store, this.#manifest().session.idle, userId)
  }

  /** The id of the user whose session that is, or null where there is none. */
  async userOf(id: string): Promise<string | null> {
    const query = this.#database.selectFrom('sessions').select('user_id').where('id', '=', id)
    return (await asked(query.executeTakeFirst()))?.user_id ?? null
  }

  /**
   * Ends sessions of a user at every site, with what remembers their browsers; how many were meant. Returns once the
   * store has confirmed it, or with `follow: false` leaves that to the service that runs. Throws `store_unavailable`:
   * then they end as soon as it is back.
   */
  async end(userId: string, which: Which, { follow = true }: { follow?: boolean } = {}): Promise<number> {
    let series = this.#database.deleteFrom('remember_series').where('user_id', '=', userId)
    let ending = this.#database
      .updateTable('sessions')
      .set({ ended_at: Date.now(), stale: 1 })
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
    if (which !== 'all') {
      const id = 'id' in which ? which.id : which.allBut
      const comparison = 'id' in which ? '=' : '!='
      const kept = this.#database.selectFrom('sessions').select('series_id').where('id', '=', id)
      ending = ending.where('id', comparison, id)
      series = series.where(row =>
        'id' in which
          ? row('id', 'in', kept.where('series_id', 'is not', null))
          : row('id', 'not in', kept.where('series_id', 'is not', null)),
      )
    }
    await asked(series.execute())
    const { numUpdatedRows } = await asked(ending.executeTakeFirst())
    if (follow) await this.follow()
    return Number(numUpdatedRows)
  }

  /** Ends all sessions that a series has begun. */
  async endSeries(seriesId: string): Promise<void> {
    await asked(this.#database.deleteFrom('remember_series').where('id', '=', seriesId).execute())
    await asked(
      this.#database
        .updateTable('sessions')
        .set({ ended_at: Date.now(), stale: 1 })
        .where('series_id', '=', seriesId)
        .where('ended_at', 'is', null)
        .execute(),
    )
    await this.follow()
  }

  /**
   * Ends the session that a browser has shown, at every site, and what remembers the browser. Throws
   * `store_unavailable`: then it ends as soon as what was away is back.
   */
  async endShown(sid: string): Promise<void> {
    const id = sessionHandle(sid)
    const { remember } = this.#manifest().session
    try {
      const row = await this.#row(id)
      if (row === null) await revokeSession(this.#store, sid, { remember })
      else if (row.series_id !== null) await this.endSeries(row.series_id)
      else await this.#endRow(id, sid)
    } catch (error) {
      // Whether or not that can be acknowledged, nobody is left signed in.
      await this.#store
        .revoke(sid, { rememberUntil: this.#store.now() + remember, noted: false })
        .catch(() => {})
      throw error
    }
  }

  /** Notes the sessions that were signed out at sites, and ends what remembers their browsers. How many there were. */
  async noteEndedElsewhere(): Promise<number> {
    const ids = await this.#store.unnoted()
    const noted: string[] = []
    try {
      for (const id of ids) {
        await this.#endedElsewhere(id)
        noted.push(id)
      }
    } finally {
      if (noted.length > 0) await this.#store.noted(noted)
    }
    return ids.length
  }

  async #endedElsewhere(id: string): Promise<void> {
    const row = await this.#row(id)
    // Whoever may enter a handle may still not end a session that he has not seen.
    if (row === null || (await this.#store.read(row.sid)) !== null) return
    if (row.series_id !== null) await this.endSeries(row.series_id)
    await this.#noteEnded(id)
  }

  /**
   * Makes the store say what SQL says: ends what has to end, and brings changes of users to their sessions. Throws
   * `store_unavailable` where that failed for one; the others were seen to.
   */
  async follow(): Promise<void> {
    const rows = await asked(
      this.#database
        .selectFrom('sessions')
        .select(['id', 'sid', 'user_id', 'epoch', 'ended_at'])
        .where('stale', '=', 1)
        .execute(),
    )
    let fault: unknown = null
    for (let start = 0; start < rows.length; start += FOLLOWED_AT_ONCE) {
      const some = rows.slice(start, start + FOLLOWED_AT_ONCE)
      const outcomes = await Promise.allSettled(some.map(row => this.#followRow(row)))
      const refused = outcomes.filter(outcome => outcome.status === 'rejected')
      fault ??= refused[0]?.reason ?? null
      // One master of several may be away; where none answers, nobody waits for the rest.
      if (refused.length === some.length) break
    }
    if (fault !== null) throw fault
  }

  async #followRow({ id, sid, user_id, epoch, ended_at }: Stale): Promise<void> {
    const account = ended_at === null ? await this.#users.find({ id: user_id }) : null
    if (account === null || account.disabled || account.epoch !== epoch) return this.#endRow(id, sid)
    await this.#store.renew(sid, account.user, account.revision)
    await this.#noteRenewed(id, account)
  }

  /**
   * Brings to a store that has started anew, or to a replica that took over, what it may have lost: endings, the latest
   * first, and changes of users. `endedAfter` in ms since epoch leaves out what ended before.
   */
  async replay({ endedAfter = 0 }: { endedAfter?: number } = {}): Promise<void> {
    const ended = await asked(
      this.#database
        .selectFrom('sessions')
        .select('sid')
        .where('ended_at', '>', endedAfter)
        .where('expires_at', '>', Date.now() - SETTLED_MS)
        .orderBy('ended_at', 'desc')
        .execute(),
    )
    const ends = await endsOf(this.#store, ended)
    const alive = ended.filter((_, index) => ends[index] !== null)
    for (const { sid } of alive) await revokeSession(this.#store, sid, { remember: 0, noted: true })
    if (endedAfter > 0) return
    await asked(
      this.#database
        .updateTable('sessions')
        .set({ stale: 1 })
        .where('renewed_at', 'is not', null)
        .where('ended_at', 'is', null)
        .execute(),
    )
    await this.follow()
  }

  async #row(id: string): Promise<{ sid: string; series_id: string | null } | null> {
    const query = this.#database.selectFrom('sessions').select(['sid', 'series_id']).where('id', '=', id)
    return (await asked(query.executeTakeFirst())) ?? null
  }

  /** Ends a session: in SQL first, which outlives the store. */
  async #endRow(id: string, sid: string): Promise<void> {
    await this.#markEnded(id, { stale: 1 })
    await revokeSession(this.#store, sid, { remember: 0, noted: true })
    await this.#noteEnded(id)
  }

  /**
   * Notes that the store has ended a session. The row stays until the session would have ended by itself, since a store
   * may lose what it has acknowledged; what it told of a person goes.
   */
  async #noteEnded(id: string): Promise<void> {
    await this.#markEnded(id, { stale: 0, user_id: '', series_id: null, device: '', address: '' })
    await asked(this.#database.deleteFrom('session_sites').where('session_id', '=', id).execute())
  }

  async #markEnded(id: string, more: Updateable<SessionRow>): Promise<void> {
    const query = this.#database
      .updateTable('sessions')
      .set(row => ({ ...more, ended_at: row.fn.coalesce('ended_at', row.val(Date.now())) }))
      .where('id', '=', id)
    await asked(query.execute())
  }

  /** Notes what the store knows now, unless the user was changed again meanwhile. */
  async #noteRenewed(id: string, { user, revision }: Account): Promise<void> {
    const noting = this.#database
      .updateTable('sessions')
      .set({ stale: 0, revision, renewed_at: Date.now() })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .where(row =>
        row.exists(
          row
            .selectFrom('users')
            .select('users.id')
            .where('users.id', '=', user.id)
            .where('users.revision', '=', revision),
        ),
      )
    await asked(noting.execute())
  }

  async #forget(sid: string): Promise<void> {
    const id = sessionHandle(sid)
    await asked(this.#database.deleteFrom('sessions').where('id', '=', id).execute())
    await asked(this.#database.deleteFrom('session_sites').where('session_id', '=', id).execute())
  }

  /** Forgets what is over by its own time. */
  async sweep(): Promise<void> {
    const now = Date.now()
    const old = await asked(
      this.#database
        .selectFrom('sessions')
        .select('sid')
        .where('stale', '=', 0)
        .where('started_at', '<', now - SETTLED_MS)
        // A site may still sign out by the cookie of one that is over: until then its row leads to the series.
        // One that was ended is kept in mind until then too.
        .where(row =>
          row.or([
            row.and([row('series_id', 'is', null), row('ended_at', 'is', null)]),
            row('expires_at', '<', now - SETTLED_MS),
          ]),
        )
        .execute(),
    )
    const ends = await endsOf(this.#store, old)
    for (const [index, { sid }] of old.entries()) if (ends[index] === null) await this.#forget(sid)
    await asked(this.#database.deleteFrom('remember_series').where('expires_at', '<', now).execute())
    await asked(
      this.#database
        .deleteFrom('spent_tokens')
        .where('expires_at', '<', now - SETTLED_MS)
        .execute(),
    )
  }

  async #hasSeries(id: string): Promise<boolean> {
    const query = this.#database.selectFrom('remember_series').select('id').where('id', '=', id)
    return (await asked(query.executeTakeFirst())) !== undefined
  }
}

/** An address without its last part: enough for its owner to know the place by. */
export function networkOf(address: string): string {
  if (address.includes('.')) return address.replace(/\.\d+$/, '.*')
  const [a = '', b = '', c = ''] = address.split(':')
  return address === '' ? '' : `${a}:${b}:${c}:*`
}
