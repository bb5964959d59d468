import { type Dialect, PostgresDialect } from 'kysely'
import type { Pool } from 'pg'

const INT8 = 20

/**
 * kysely on PostgreSQL. A query has `patience` ms, and the server gives it up itself: what was answered with 503 must
 * not be carried out later.
 */
export function postgresDialect(connectionString: string, patience: number): Dialect {
  return new PostgresDialect({ pool: () => openPool(connectionString, patience) })
}

async function openPool(connectionString: string, patience: number): Promise<Pool> {
  // Read where it is used: most of what a service on SQLite would hold of it is never run.
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({
    connectionString,
    max: 10,
    connectionTimeoutMillis: Math.min(patience, 2_000),
    statement_timeout: patience,
    lock_timeout: patience,
    query_timeout: patience + 100,
    // Moments are bigint there; they fit into a number until long after the year 200,000.
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
  })
  // A connection that breaks is replaced at its next use; unheard, its error would end the process.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}
