import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { CarnetError } from '@carnet/protocol'
import { type Generated, Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { MIGRATIONS } from './migrations.ts'
import { postgresDialect } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'

/** A row of `users`. Booleans are 0 and 1, lists are JSON, moments are ms since epoch: both databases keep them alike. */
export interface UserRow {
  id: string
  email: string
  name: string
  /** Null where the user has no password here. */
  password_hash: string | null
  email_verified: Generated<number>
  roles: Generated<string>
  created_at: number
  /** Counts what ends every remembered browser and every mailed link: a new password, "everywhere", disabling. */
  epoch: Generated<number>
  /** Counts the changes of what sites may know. */
  revision: Generated<number>
  /** Null for who may sign in. */
  disabled_at: number | null
  /** The id at the backend that knows the password, or null. */
  external_id: string | null
}

/** A row of `sessions`: what the store does not keep of a session. It outlives the session, until the absolute end. */
export interface SessionRow {
  /** The session's handle. */
  id: string
  sid: string
  user_id: string
  /** Null where the browser is not remembered. */
  series_id: string | null
  /** The user's at the start; another one ends the session. */
  epoch: number
  /** The state of the user that the store has. */
  revision: number
  device: string
  /** The address, but for its last part. */
  address: string
  started_at: number
  expires_at: number
  /** Set where the session has ended or has to; the row goes once the session would have ended by itself. */
  ended_at: number | null
  /** 1 where the store has yet to hear of something. */
  stale: Generated<number>
  /** When a change of the user was brought to the store; null where the store was only told at the start. */
  renewed_at: number | null
}

/** A row of `remember_series`: one browser that is remembered. */
export interface SeriesRow {
  id: string
  user_id: string
  /** The user's, at the time; another one voids the series. */
  epoch: number
  token_hash: string
  successor_hash: string | null
  successor_salt: string | null
  successor_at: number | null
  /** The series' latest session. */
  sid: string
  /** When the password was given. */
  authenticated_at: number
  expires_at: number
}

/** A row of `outbox`: a mail to be written and sent. It holds no token: those are made when it is sent. */
export interface OutboxRow {
  id: string
  kind: string
  address: string
  user_id: string | null
  /** JSON. */
  details: string
  created_at: number
  due_at: number
  attempts: number
  sent_at: number | null
  /** Kind, address and minute, where only one may be asked for in each; else null. */
  slot: string | null
}

/** A row of `audit`: one deed, or one refusal. It holds no address, no password and nothing that opens anything. */
export interface AuditRow {
  /** In the order in which one process noted them. */
  id: string
  at: number
  event: string
  /** Null where nobody knows who it was, or the person has left. */
  user_id: string | null
  /** The client's network, `192.0.2.0/24`; null where there is no client, or the person has left. */
  prefix: string | null
  /** Who said so: `user`, `admin` (the command line) or `site` (an agent). */
  actor: string
  site: string | null
  /** `ok`, or the code of the refusal. */
  outcome: string
  /** The session's handle. */
  session: string | null
}

/** A row of `keys`: a secret that a service runs with, by a name that tells nothing of it. */
export interface KeyRow {
  fingerprint: string
  first_seen_at: number
  last_seen_at: number
  /** Since when it is the one that signs; null for the others. */
  signs_since: number | null
}

/** The tables. */
export interface Tables {
  users: UserRow
  sessions: SessionRow
  session_sites: { session_id: string; site: string }
  remember_series: SeriesRow
  outbox: OutboxRow
  audit: AuditRow
  spent_tokens: { id: string; expires_at: number }
  keys: KeyRow
}

/** The service's SQL. */
export type Database = Kysely<Tables>

// Within the second that a request may take; commands and migrations may wait for others.
const REQUEST_MS = 800
const PATIENT_MS = 60_000

/**
 * Opens the database that a URL names: `sqlite:./data/carnet.sqlite`, `sqlite::memory:` or `postgres://…`, and brings
 * its tables up to date. `patient` is for commands, which nobody's request waits for. Throws a `TypeError` for any
 * other URL.
 */
export async function openMigrated(
  url: string,
  { patient = false }: { patient?: boolean } = {},
): Promise<Database> {
  if (isPostgres(url) && !patient) {
    const migrating = openDatabase(url, { patient: true })
    await migrate(migrating).finally(() => migrating.destroy())
    return openDatabase(url)
  }
  const database = openDatabase(url, { patient })
  try {
    await migrate(database)
  } catch (error) {
    await database.destroy()
    throw error
  }
  return database
}

/** Opens a database; its tables are not looked at. Throws a `TypeError` for a URL that names none. */
export function openDatabase(url: string, { patient = false }: { patient?: boolean } = {}): Database {
  const patience = patient ? PATIENT_MS : REQUEST_MS
  if (isPostgres(url)) return new Kysely<Tables>({ dialect: postgresDialect(url, patience) })
  if (!url.startsWith('sqlite:')) {
    throw new TypeError('A database is named like sqlite:./data/carnet.sqlite or postgres://user@host/name.')
  }
  const file = url.slice('sqlite:'.length)
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return new Kysely<Tables>({ dialect: sqliteDialect(file, patience) })
}

/** Whether a database's URL names PostgreSQL. */
export function isPostgres(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url)
}

/** Brings the tables up to date; the names of the migrations that ran now. Several processes may call it at once. */
export async function migrate(db: Database): Promise<string[]> {
  const { error, results = [] } = await migratorOf(db).migrateToLatest()
  if (error !== undefined) throw error
  return results.map(result => result.migrationName)
}

/** The names of the migrations that have yet to run. Changes nothing. */
export async function pendingMigrations(db: Database): Promise<string[]> {
  const all = await migratorOf(db).getMigrations()
  return all.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
}

function migratorOf(db: Database): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
}

/** Asks the database. Throws `store_unavailable` where it does not answer. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    throw new CarnetError('store_unavailable', 'The accounts do not answer. Try again in a moment.', {
      cause,
    })
  }
}

/** Resolves when the database answers. Throws `store_unavailable`. */
export async function pingDatabase(database: Database): Promise<void> {
  await asked(database.selectFrom('users').select('id').limit(1).execute())
}
