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
}

/** The tables. */
export interface Tables {
  users: UserRow
}

/** The service's SQL. */
export type Database = Kysely<Tables>

/**
 * Opens the database that a URL names: `sqlite:./data/carnet.sqlite`, `sqlite::memory:` or `postgres://…`. Its tables
 * are not looked at: see `migrate`. Throws a `TypeError` for any other URL.
 */
export function openDatabase(url: string): Database {
  if (/^postgres(ql)?:\/\//.test(url)) return new Kysely<Tables>({ dialect: postgresDialect(url) })
  if (!url.startsWith('sqlite:')) {
    throw new TypeError('A database is named like sqlite:./data/carnet.sqlite or postgres://user@host/name.')
  }
  const file = url.slice('sqlite:'.length)
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return new Kysely<Tables>({ dialect: sqliteDialect(file) })
}

/** Brings the tables up to date; the names of the migrations that ran now. Several processes may call it at once. */
export async function migrate(db: Database): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
  return results.map(result => result.migrationName)
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
