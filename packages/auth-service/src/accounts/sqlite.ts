import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type Dialect, type Kysely, SqliteAdapter, SqliteDialect, sql } from 'kysely'

/** kysely on `node:sqlite`, for several processes on one file. */
export function sqliteDialect(file: string): Dialect {
  return new SharedSqliteDialect({ database: openSqlite(file) })
}

class SharedSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new SharedSqliteAdapter()
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

// kysely's dialect was made for better-sqlite3; node:sqlite differs in how it tells readers from writers.
function openSqlite(file: string) {
  const sqlite = new DatabaseSync(file)
  // The timeout comes first: changing the journal waits for other processes as well.
  sqlite.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
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
