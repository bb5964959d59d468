import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type Generated, Kysely, SqliteDialect } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'

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
 * Opens the database that a URL names (`sqlite:./data/carnet.sqlite`, `sqlite::memory:`) and brings its tables up to
 * date. Throws a `TypeError` for any other URL.
 */
export async function openDatabase(url: string): Promise<Database> {
  if (!url.startsWith('sqlite:')) {
    throw new TypeError(
      'CARNET_DATABASE_URL must begin with sqlite: for now, as in sqlite:./data/carnet.sqlite.',
    )
  }
  const file = url.slice('sqlite:'.length)
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: openSqlite(file) }) })
  await migrate(database)
  return database
}

/** Resolves when the database answers. */
export async function pingDatabase(database: Database): Promise<void> {
  await database.selectFrom('users').select('id').limit(1).execute()
}

// kysely's dialect was made for better-sqlite3; node:sqlite differs in how it tells readers from writers.
function openSqlite(file: string) {
  const sqlite = new DatabaseSync(file)
  sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON')
  return {
    close: () => sqlite.close(),
    prepare(sql: string) {
      const statement = sqlite.prepare(sql)
      const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...values(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...values(parameters)),
        iterate: (parameters: readonly unknown[]) => statement.iterate(...values(parameters)),
      }
    },
  }
}

const MIGRATIONS: Record<string, Migration> = {
  '0001-users': {
    async up(db) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('email', 'text', column => column.notNull().unique())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('password_hash', 'text')
        .addColumn('email_verified', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('roles', 'text', column => column.notNull().defaultTo('[]'))
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
    },
  },
}

async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
