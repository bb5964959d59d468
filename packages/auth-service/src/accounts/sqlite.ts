import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteDialect,
  sql,
} from 'kysely'

const SQLITE_BUSY = 5
const AGAIN_AFTER_MS = 15

/** kysely on `node:sqlite`, for several processes on one file. A query waits `patience` ms for another process's. */
export function sqliteDialect(file: string, patience: number): Dialect {
  return new SharedSqliteDialect(openSqlite(file), patience)
}

class SharedSqliteDialect extends SqliteDialect {
  readonly #patience: number

  constructor(database: ReturnType<typeof openSqlite>, patience: number) {
    super({ database })
    this.#patience = patience
  }

  override createAdapter(): SqliteAdapter {
    return new SharedSqliteAdapter()
  }

  override createDriver(): Driver {
    return patient(super.createDriver(), this.#patience)
  }
}

// kysely takes it that no other process migrates the same file; a write transaction sees to that. It also makes the
// migrations one step: SQLite rolls table changes back.
class SharedSqliteAdapter extends SqliteAdapter {
  override async acquireMigrationLock(db: Kysely<unknown>): Promise<void> {
    await sql`begin immediate`.execute(db)
  }

  override async releaseMigrationLock(db: Kysely<unknown>): Promise<void> {
    await sql`commit`.execute(db)
  }
}

// SQLite's own waiting would stop the event loop, and every request with it: it is asked again instead.
function patient(driver: Driver, patience: number): Driver {
  const acquire = driver.acquireConnection.bind(driver)
  driver.acquireConnection = async () => {
    const connection: DatabaseConnection = await acquire()
    if (Object.hasOwn(connection, 'executeQuery')) return connection
    const execute = connection.executeQuery.bind(connection)
    connection.executeQuery = async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
      const deadline = performance.now() + patience
      for (;;) {
        try {
          return await execute<R>(query)
        } catch (error) {
          if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || performance.now() > deadline)
            throw error
          await setTimeout(AGAIN_AFTER_MS)
        }
      }
    }
    return connection
  }
  return driver
}

// kysely's dialect was made for better-sqlite3; node:sqlite differs in how it tells readers from writers.
function openSqlite(file: string) {
  const sqlite = new DatabaseSync(file)
  // Changing the journal waits for other processes as well, once, at the start.
  sqlite.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
  sqlite.exec('PRAGMA busy_timeout = 0')
  return {
    close: () => sqlite.close(),
    prepare(text: string) {
      const statement = sqlite.prepare(text)
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
