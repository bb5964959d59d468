import type { ErrorCode } from '@carnet/protocol'
import { nanoid } from 'nanoid'
import { type AuditRow, asked, type Database } from './database.ts'
import { normalizeEmail } from './email.ts'

/** What the audit log keeps. The words are stable. */
export type AuditEvent =
  | 'signin'
  | 'signin_refused'
  | 'session_resumed'
  | 'signup'
  | 'signup_refused'
  | 'ticket_refused'
  | 'session_revoked'
  | 'sessions_revoked'
  | 'session_disowned'
  | 'site_allowed'
  | 'remember_stolen'
  | 'password_changed'
  | 'password_reset_asked'
  | 'email_change_asked'
  | 'email_change_denied'
  | 'email_changed'
  | 'email_verified'
  | 'profile_changed'
  | 'account_exported'
  | 'user_denied'
  | 'user_removed'
  | 'user_added'
  | 'user_disabled'
  | 'user_enabled'
  | 'roles_changed'
  | 'users_imported'
  | 'site_secret_shown'
  | 'credentials_shown'
  | 'redis_password_shown'

/** Something to be kept in the audit log. */
export interface Deed {
  readonly event: AuditEvent
  /** Who said so: a person's browser, the command line, or a site's agent. */
  readonly actor: 'user' | 'admin' | 'site'
  /** The user's id. Left out, it is looked up by `email` or `session` once nobody waits any more. */
  readonly user?: string | null
  /** The address that was typed. It is kept nowhere. */
  readonly email?: string
  /** The session's handle. */
  readonly session?: string | null
  /** The client's network. */
  readonly prefix?: string | null
  /** The id of the site that it was about. */
  readonly site?: string | null
  /** Default: `ok`. */
  readonly outcome?: ErrorCode | 'ok'
  /** Ms since epoch. Default: now. */
  readonly at?: number
}

/** A row as it is read, with the address that the user has now. */
export interface AuditEntry extends AuditRow {
  readonly email: string | null
}

/** Where each deed is told besides; a pino logger fits. */
export interface AuditLog {
  info(fields: object, event: string): void
  warn(fields: object, event: string): void
}

// A year, so that what happened can be held against the year before, and some weeks in which somebody does so.
const KEPT_MS = 400 * 86_400_000
const TOGETHER_MS = 100
const AGAIN_AFTER_MS = 1_000
const AT_ONCE = 200
// A query has less than a second: what is long is read in pages.
const PAGE = 1_000
// A database that is away costs some megabytes at most.
const MOST_QUEUED = 10_000
// Refusals cost who provokes them nothing: a flood must neither fill the disk nor hide what comes from elsewhere.
const MINUTE_MS = 60_000
const REFUSALS_OF_A_NETWORK = 100
const REFUSALS_IN_ALL = 3_000
// What a site tells is its own word: it is measured by itself, site by site, and uses up nothing of what browsers have.
const REFUSALS_OF_A_SITE = 500
const REVOCATIONS_OF_A_SITE = 3_000

interface Queued {
  readonly row: AuditRow
  /** How the user is to be looked up; null where that is known, or cannot be. */
  readonly lookUp: { readonly email: string } | { readonly session: string } | null
  /** Whether the log has it. */
  told: boolean
}

/** Who did what, when, from which network, and what came of it: in SQL, and as a line in the log. Nobody waits for it. */
export class Audit {
  readonly #database: Database
  readonly #log: AuditLog
  #queue: Queued[] = []
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> | null = null
  #works = true
  #closed = false
  #count = 0
  #minute = 0
  /** What was kept in this minute of what is bounded, by what it is counted as. */
  readonly #kept = new Map<string, number>()

  constructor(database: Database, log: AuditLog) {
    this.#database = database
    this.#log = log
  }

  /** Keeps a deed. Returns at once and throws nothing. */
  note(deed: Deed): void {
    const { event, actor, user = null, prefix = null, site = null, session = null, outcome = 'ok' } = deed
    // In the order of noting, also within a millisecond.
    const id = `${(this.#count++).toString(16).padStart(10, '0')}${nanoid(14)}`
    const at = deed.at ?? Date.now()
    const row = { id, at, event, user_id: user, prefix, actor, site, outcome, session }
    const lookUp = deed.user === undefined ? lookUpOf(deed) : null
    const queued = { row, lookUp, told: false }
    const isKept = !this.#closed && this.#hasRoom(row)
    if (!isKept || lookUp === null) this.#tell(queued)
    if (!isKept) return
    this.#queue.push(queued)
    this.#timer ??= setTimeout(() => void this.flush(), TOGETHER_MS).unref()
  }

  /** Writes what waits. Throws nothing: what cannot be written now is tried again. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing
    this.#writing = this.#write().finally(() => {
      this.#writing = null
    })
    await this.#writing
  }

  /** Writes what waits, and takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** What is kept, the oldest first: of one user or of all, and since a moment (ms since epoch). Throws `store_unavailable`. */
  async *read({ user, since = 0 }: { user?: string; since?: number } = {}): AsyncGenerator<AuditEntry> {
    let last = { at: since, id: '' }
    for (;;) {
      const { at, id } = last
      let query = this.#database
        .selectFrom('audit')
        .leftJoin('users', 'users.id', 'audit.user_id')
        .selectAll('audit')
        .select('users.email')
        .where('audit.at', '>=', at)
        .where(row => row.or([row('audit.at', '>', at), row('audit.id', '>', id)]))
      if (user !== undefined) query = query.where('audit.user_id', '=', user)
      const page = await asked(query.orderBy('audit.at').orderBy('audit.id').limit(PAGE).execute())
      yield* page
      if (page.length < PAGE) return
      last = page.at(-1) ?? last
    }
  }

  /** Forgets what is older than 400 days. */
  async sweep(): Promise<void> {
    for (;;) {
      const over = await asked(
        this.#database
          .selectFrom('audit')
          .select('id')
          .where('at', '<', Date.now() - KEPT_MS)
          .limit(PAGE)
          .execute(),
      )
      if (over.length === 0) return
      const ids = over.map(({ id }) => id)
      await asked(this.#database.deleteFrom('audit').where('id', 'in', ids).execute())
    }
  }

  #hasRoom(row: AuditRow): boolean {
    if (this.#queue.length >= MOST_QUEUED) return false
    const bounds = boundsOf(row)
    const minute = Math.floor(Date.now() / MINUTE_MS)
    if (minute !== this.#minute) this.#kept.clear()
    this.#minute = minute
    if (bounds.some(([counted, most]) => (this.#kept.get(counted) ?? 0) >= most)) return false
    for (const [counted] of bounds) this.#kept.set(counted, (this.#kept.get(counted) ?? 0) + 1)
    return true
  }

  async #write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    while (this.#queue.length > 0) {
      const some = this.#queue.slice(0, AT_ONCE)
      try {
        await this.#lookUp(some)
        await this.#insert(some.map(({ row }) => row))
        this.#queue.splice(0, some.length)
        this.#works = true
      } catch (error) {
        // Once per outage.
        if (this.#works) this.#log.warn({ err: error as Error }, 'audit_not_written')
        this.#works = false
        this.#timer ??= setTimeout(() => void this.flush(), AGAIN_AFTER_MS).unref()
        return
      } finally {
        // With or without its user: a database that is away is no reason for the log to wait.
        for (const queued of some) this.#tell(queued)
      }
    }
  }

  /** Looks up whose address that was and whose session, alike for those who are there and those who are not. */
  async #lookUp(some: readonly Queued[]): Promise<void> {
    const emails = some.flatMap(({ lookUp }) => (lookUp !== null && 'email' in lookUp ? lookUp.email : []))
    const sessions = some.flatMap(({ lookUp }) =>
      lookUp !== null && 'session' in lookUp ? lookUp.session : [],
    )
    const owners = new Map<string, string | null>()
    // What is written together with it is not in the table yet.
    for (const { row } of some)
      if (row.session !== null && row.user_id !== null) owners.set(row.session, row.user_id)
    if (emails.length > 0) {
      const query = this.#database.selectFrom('users').select(['email', 'id']).where('email', 'in', emails)
      for (const { email, id } of await query.execute()) owners.set(email, id)
    }
    if (sessions.length > 0) {
      // The row of a session that was ended knows its user no more; that of its beginning does.
      const query = this.#database
        .selectFrom('audit')
        .select(['session as id', 'user_id'])
        .where('session', 'in', sessions)
        .where('user_id', 'is not', null)
        .unionAll(
          this.#database
            .selectFrom('sessions')
            .select(['id', 'user_id'])
            .where('id', 'in', sessions)
            .where('user_id', '!=', ''),
        )
      for (const { id, user_id } of await query.execute()) owners.set(id ?? '', user_id)
    }
    for (const { row, lookUp } of some) {
      if (lookUp === null) continue
      row.user_id = owners.get('email' in lookUp ? lookUp.email : lookUp.session) ?? null
    }
  }

  async #insert(rows: readonly AuditRow[]): Promise<void> {
    // What was written before an answer got lost is there already.
    await this.#database
      .insertInto('audit')
      .values(rows)
      .onConflict(conflict => conflict.doNothing())
      .execute()
    // Who was removed meanwhile has found nothing to forget. Asked also where nobody is known, which must not show.
    const users = ['', ...new Set(rows.flatMap(({ user_id }) => user_id ?? []))]
    const there = this.#database.selectFrom('users').select('id').where('id', 'in', users)
    await this.#database
      .updateTable('audit')
      .set(NOBODY)
      .where('user_id', 'in', users)
      .where('user_id', 'not in', there)
      .execute()
  }

  #tell(queued: Queued): void {
    if (queued.told) return
    queued.told = true
    const { event, user_id: user, prefix, actor, site, outcome, session } = queued.row
    const fields = { user, prefix, actor, site, outcome, session }
    if (event === 'remember_stolen') this.#log.warn(fields, event)
    else this.#log.info(fields, event)
  }
}

const NOBODY = { user_id: null, prefix: null, session: null }

/**
 * Takes what names a person out of the audit log: what was done stays, and who did it, and where, goes. To be called where
 * the user is removed, and again once that is done.
 */
export async function forgetPerson(database: Database, userId: string): Promise<void> {
  await database.updateTable('audit').set(NOBODY).where('user_id', '=', userId).execute()
}

/** What a row is counted as, and how many of each are kept in a minute. */
function boundsOf({ event, actor, site, outcome, prefix }: AuditRow): [counted: string, most: number][] {
  const who = actor === 'site' ? `site ${site}` : ''
  if (outcome === 'ok' && event !== 'password_reset_asked')
    return actor === 'site' ? [[`${who} ok`, REVOCATIONS_OF_A_SITE]] : []
  return [
    [`${who} in ${prefix}`, REFUSALS_OF_A_NETWORK],
    [`${who} in all`, actor === 'site' ? REFUSALS_OF_A_SITE : REFUSALS_IN_ALL],
  ]
}

function lookUpOf({ email, session }: Deed): Queued['lookUp'] {
  if (email === undefined) return session == null ? null : { session }
  const address = normalizeEmail(email)
  return address === null ? null : { email: address }
}
