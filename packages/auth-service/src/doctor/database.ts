import { existsSync } from 'node:fs'
import { sql } from 'kysely'
import {
  type Database,
  isPostgres,
  openDatabase,
  pendingMigrations,
  pingDatabase,
} from '../accounts/database.ts'
import { keyAges } from '../accounts/keys.ts'
import type { Config } from '../config.ts'
import { examineClock } from './clock.ts'
import { about, type Finding } from './finding.ts'
import { examineOutbox } from './mail.ts'
import { examineSecrets } from './secrets.ts'

/** The database, and what it knows: tables, secrets, mails. */
export async function examineDatabase(config: Config): Promise<Finding[]> {
  const { ok, warning, fault } = about('database')
  const { databaseUrl: url } = config
  if (!isPostgres(url) && isMissing(url)) {
    return [warning('the file is not there yet: "carnet serve" or "carnet migrate" makes it.')]
  }
  let database: Database
  try {
    database = openDatabase(url)
  } catch (error) {
    return [fault(`cannot be opened: ${(error as Error).message}. See to CARNET_DATABASE_URL.`)]
  }
  try {
    const pending = await pendingMigrations(database)
    const answers = ok(`${isPostgres(url) ? 'PostgreSQL' : 'SQLite'} answers`)
    const clock = isPostgres(url) ? [examineClock('PostgreSQL', await clockOf(database))] : []
    if (pending.length > 0) {
      return [
        answers,
        ...clock,
        fault(
          `the tables are not up to date: ${pending.join(', ')}. Run "carnet migrate", or start the service anew.`,
        ),
      ]
    }
    await pingDatabase(database)
    return [
      answers,
      ...clock,
      ok('the tables are up to date'),
      ...examineSecrets(await keyAges(database, config.secrets), config.manifest),
      ...(await examineOutbox(database)),
    ]
  } catch (error) {
    return [fault(`does not answer: ${reasonOf(error as Error)}. See to CARNET_DATABASE_URL.`)]
  } finally {
    await database.destroy()
  }
}

function isMissing(url: string): boolean {
  const file = url.slice('sqlite:'.length)
  return file !== ':memory:' && !existsSync(file)
}

/** How far its clock is ahead of this machine's, in ms. */
async function clockOf(database: Database): Promise<number> {
  const before = Date.now()
  const answer = await sql<{
    now: string
  }>`select extract(epoch from clock_timestamp()) * 1000 as now`.execute(database)
  return Number(answer.rows[0]?.now) - (before + Date.now()) / 2
}

function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return cause.message || String((cause as NodeJS.ErrnoException).code)
}
