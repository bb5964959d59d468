import { type Manifest, revokeSession, type Store, sessionHandle } from '@carnet/protocol'
import type { Selectable, Updateable } from 'kysely'
import { asked, type Database, type SessionRow } from './database.ts'
import { endsOf } from './session-list.ts'
import type { Account } from './user-row.ts'
import type { Users } from './users.ts'

/** What is younger may be in the making, or known to a clock that is slow. */
const SETTLED_MS = 600_000
const FOLLOWED_AT_ONCE = 100
const NOTED_AT_ONCE = 100
// A query has less than a second: what is long is read in pages.
const PAGE = 1_000

type Stale = Pick<Selectable<SessionRow>, 'id' | 'sid' | 'user_id' | 'epoch' | 'ended_at'>

/** Whose sessions are meant: a user's, or those that a series has begun. */
export type Whose = { readonly user: string } | { readonly series: string }

/**
 * What ends of the sessions in SQL, and what has changed: that, `follow` makes the store say, at once after a change and
 * again every half second, so that a change made by another process, or while the store was away, arrives as well.
 */
export class Endings {
  protected readonly database: Database
  protected readonly store: Store
  protected readonly users: Users
  protected readonly manifest: () => Manifest

  constructor(database: Database, store: Store, users: Users, manifest: () => Manifest) {
    this.database = database
    this.store = store
    this.users = users
    this.manifest = manifest
  }

  /** Ends all sessions that a series has begun, and the series. */
  async endSeries(series: string): Promise<void> {
    await asked(this.database.deleteFrom('remember_series').where('id', '=', series).execute())
    await asked(
      this.database
        .updateTable('sessions')
        .set({ ended_at: Date.now(), stale: 1 })
        .where('series_id', '=', series)
        .where('ended_at', 'is', null)
        .execute(),
    )
    await this.follow({ series })
  }

  /**
   * Ends the session that a browser has shown, at every site, and what remembers the browser. Throws
   * `store_unavailable`: then it ends as soon as what was away is back.
   */
  async endShown(sid: string): Promise<void> {
    const id = sessionHandle(sid)
    const { remember } = this.manifest().session
    try {
      const row = await this.#row(id)
      if (row === null) await revokeSession(this.store, sid, { remember })
      else if (row.series_id !== null) await this.endSeries(row.series_id)
      else await this.endRow(id, sid)
    } catch (error) {
      // Whether or not that can be acknowledged, nobody is left signed in.
      await this.store
        .revoke(sid, { rememberUntil: this.store.now() + remember, noted: false })
        .catch(() => {})
      throw error
    }
  }

  /**
   * Notes the sessions that were signed out at sites, and ends what remembers their browsers. How many there were. Throws
   * `store_unavailable` where that failed for one; the others were seen to.
   */
  async noteEndedElsewhere(): Promise<number> {
    const ids = await this.store.unnoted()
    const noted: string[] = []
    let fault: unknown = null
    for (let start = 0; start < ids.length; start += NOTED_AT_ONCE) {
      const some = ids.slice(start, start + NOTED_AT_ONCE)
      const outcomes = await Promise.allSettled(some.map(id => this.#endedElsewhere(id)))
      const refused = outcomes.filter(outcome => outcome.status === 'rejected')
      fault ??= refused[0]?.reason ?? null
      noted.push(...some.filter((_, index) => outcomes[index]?.status === 'fulfilled'))
      // Where nothing answers, nobody waits for the rest.
      if (refused.length === some.length) break
    }
    if (noted.length > 0) await this.store.noted(noted)
    if (fault !== null) throw fault
    return ids.length
  }

  /**
   * Makes the store say what SQL says, of everybody's sessions or of some: ends what has to end, and brings changes of
   * users to their sessions. Of everybody's a thousand at a time; false where there may be more. Throws
   * `store_unavailable` where that failed for one; the others were seen to.
   */
  async follow(whose: Whose | null = null): Promise<boolean> {
    let query = this.database
      .selectFrom('sessions')
      .select(['id', 'sid', 'user_id', 'epoch', 'ended_at'])
      .where('stale', '=', 1)
    if (whose !== null) {
      query =
        'user' in whose
          ? query.where('user_id', '=', whose.user)
          : query.where('series_id', '=', whose.series)
    }
    const rows = await asked(query.limit(whose === null ? PAGE : Number.MAX_SAFE_INTEGER).execute())
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
    return whose !== null || rows.length < PAGE
  }

  /**
   * Brings to a store that has started anew, or to a replica that took over, what it may have lost: endings, the latest
   * first, and changes of users. `since` in ms since epoch leaves out what was before.
   */
  async replay({ since = 0 }: { since?: number } = {}): Promise<void> {
    let last: { id: string; ended_at: number } | null = null
    do {
      const page: { id: string; sid: string; ended_at: number | null }[] = await this.#endedPage(since, last)
      const ends = await endsOf(this.store, page)
      const alive = page.filter((_, index) => ends[index] !== null)
      await Promise.all(alive.map(({ sid }) => revokeSession(this.store, sid, { remember: 0, noted: true })))
      const { id, ended_at } = page.at(-1) ?? { id: '', ended_at: null }
      last = page.length < PAGE || ended_at === null ? null : { id, ended_at }
    } while (last !== null)
    await asked(
      this.database
        .updateTable('sessions')
        .set({ stale: 1 })
        .where('renewed_at', '>', since)
        .where('ended_at', 'is', null)
        .execute(),
    )
    while (!(await this.follow()));
  }

  /** Forgets what is over by its own time. */
  async sweep(): Promise<void> {
    const now = Date.now()
    // A site may still sign out by the cookie of one that is over: until its end its row leads to the series, and one
    // that was ended is kept in mind.
    for (;;) {
      const over = await asked(
        this.database
          .selectFrom('sessions')
          .select('id')
          .where('expires_at', '<', now - SETTLED_MS)
          .limit(PAGE)
          .execute(),
      )
      await this.#forget(over.map(({ id }) => id))
      if (over.length < PAGE) break
    }
    for (let after = ''; ; ) {
      const page = await asked(
        this.database
          .selectFrom('sessions')
          .select(['id', 'sid'])
          .where('id', '>', after)
          .where('stale', '=', 0)
          .where('series_id', 'is', null)
          .where('ended_at', 'is', null)
          .where('started_at', '<', now - SETTLED_MS)
          .orderBy('id')
          .limit(PAGE)
          .execute(),
      )
      const ends = await endsOf(this.store, page)
      await this.#forget(page.filter((_, index) => ends[index] === null).map(({ id }) => id))
      if (page.length < PAGE) break
      after = page.at(-1)?.id ?? ''
    }
    await asked(this.database.deleteFrom('remember_series').where('expires_at', '<', now).execute())
    await asked(
      this.database
        .deleteFrom('spent_tokens')
        .where('expires_at', '<', now - SETTLED_MS)
        .execute(),
    )
  }

  /** Ends a session: in SQL first, which outlives the store. */
  async endRow(id: string, sid: string): Promise<void> {
    await this.#markEnded(id, { stale: 1 })
    await revokeSession(this.store, sid, { remember: 0, noted: true })
    await this.#noteEnded(id)
  }

  async #endedElsewhere(id: string): Promise<void> {
    const row = await this.#row(id)
    // Whoever may enter a handle may still not end a session that he has not seen.
    if (row === null || (await this.store.read(row.sid)) !== null) return
    if (row.series_id !== null) await this.endSeries(row.series_id)
    await this.#noteEnded(id)
  }

  async #endedPage(since: number, last: { id: string; ended_at: number } | null) {
    let query = this.database
      .selectFrom('sessions')
      .select(['id', 'sid', 'ended_at'])
      .where('ended_at', '>', since)
      .where('expires_at', '>', Date.now() - SETTLED_MS)
    if (last !== null) {
      const { id, ended_at } = last
      query = query
        .where('ended_at', '<=', ended_at)
        .where(row => row.or([row('ended_at', '<', ended_at), row('id', '<', id)]))
    }
    return asked(query.orderBy('ended_at', 'desc').orderBy('id', 'desc').limit(PAGE).execute())
  }

  async #followRow({ id, sid, user_id, epoch, ended_at }: Stale): Promise<void> {
    const account = ended_at === null ? await this.users.find({ id: user_id }) : null
    if (account === null || account.disabled || account.epoch !== epoch) return this.endRow(id, sid)
    await this.store.renew(sid, account.user, account.revision)
    await this.#noteRenewed(id, account)
  }

  async #row(id: string): Promise<{ sid: string; series_id: string | null } | null> {
    const query = this.database.selectFrom('sessions').select(['sid', 'series_id']).where('id', '=', id)
    return (await asked(query.executeTakeFirst())) ?? null
  }

  /**
   * Notes that the store has ended a session. The row stays until the session would have ended by itself, since a store
   * may lose what it has acknowledged; what it told of a person goes.
   */
  async #noteEnded(id: string): Promise<void> {
    await this.#markEnded(id, { stale: 0, user_id: '', series_id: null, device: '', address: '' })
    await asked(this.database.deleteFrom('session_sites').where('session_id', '=', id).execute())
  }

  async #markEnded(id: string, more: Updateable<SessionRow>): Promise<void> {
    const query = this.database
      .updateTable('sessions')
      .set(row => ({ ...more, ended_at: row.fn.coalesce('ended_at', row.val(Date.now())) }))
      .where('id', '=', id)
    await asked(query.execute())
  }

  /** Notes what the store knows now, unless the user was changed again meanwhile. */
  async #noteRenewed(id: string, { user, revision }: Account): Promise<void> {
    const noting = this.database
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

  async #forget(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    await asked(this.database.deleteFrom('sessions').where('id', 'in', ids).execute())
    await asked(this.database.deleteFrom('session_sites').where('session_id', 'in', ids).execute())
  }
}
