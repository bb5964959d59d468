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
import { about, type Finding, plural, span } from './finding.ts'
import { examineSecrets } from './secrets.ts'

const STUCK_AFTER_MS = 5 * 60_000

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
      ...(await examineMail(database, config)),
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

async function examineMail(database: Database, { mail, production }: Config): Promise<Finding[]> {
  const { ok, warning } = about('mail')
  const rows = await database.selectFrom('outbox').select('created_at').where('sent_at', 'is', null).execute()
  const now = Date.now()
  const oldest = Math.min(now, ...rows.map(row => row.created_at))
  const waits =
    now - oldest > STUCK_AFTER_MS
      ? [
          warning(
            `${plural(rows.length, 'mail')} not sent yet, the oldest for ${span(now - oldest)}: see to CARNET_SMTP_URL, and to "mail_delayed" in the log.`,
          ),
        ]
      : []
  if (mail === null) {
    return [warning('CARNET_SMTP_URL is not set: no mail is sent, not even to reset a password.'), ...waits]
  }
  const way = mail === 'kept' ? 'kept at /dev/mail, and sent to nobody' : `sent as ${mail.from}`
  return [
    ok(`mails are ${way}${production || mail !== 'kept' ? '' : ', since this is not production'}`),
    ...waits,
  ]
}

function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return cause.message || String((cause as NodeJS.ErrnoException).code)
}
