import { existsSync } from 'node:fs'
import { type Database, isPostgres, openDatabase, pendingMigrations } from '../accounts/database.ts'
import type { Config } from '../config.ts'
import { about, Broken, type Finding } from './finding.ts'
import type { SiteOrigin } from './sites.ts'
import { TemporaryAccount } from './temporary-account.ts'
import { Walk } from './walk.ts'
import { reasonOf } from './web-client.ts'

const { warning, fault } = about('round')

/**
 * Signs a temporary account in at the auth service, takes it to every site, signs it out at one, and sees it gone at all
 * others. `open` is where that can be expected to work. The account is removed whatever happens; `signal` ends the round early.
 */
export async function walkRound(
  config: Config,
  open: readonly SiteOrigin[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const obstacle = obstacleIn(config)
  if (obstacle !== null) return [warning(`left out: ${obstacle}`)]
  const database = openDatabase(config.databaseUrl, { patient: true })
  try {
    if ((await pendingMigrations(database)).length > 0) return [warning('left out: the tables come first.')]
    return await withAccount(config, database, open, signal)
  } catch (error) {
    return [warning(`left out: no account could be made for it (${reasonOf(error)}).`)]
  } finally {
    await database.destroy()
  }
}

function obstacleIn({ manifest, databaseUrl }: Config): string | null {
  if (manifest.accounts.credentials !== null) {
    return 'passwords are judged by the backend of accounts.credentials, which would have to know the account. Sign in by hand.'
  }
  const file = isPostgres(databaseUrl) ? null : databaseUrl.slice('sqlite:'.length)
  return file !== null && !existsSync(file)
    ? 'the database of the service cannot be reached from here.'
    : null
}

async function withAccount(
  config: Config,
  database: Database,
  open: readonly SiteOrigin[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const account = await TemporaryAccount.open(database, config.manifest)
  const walk = new Walk(config, account, signal)
  try {
    await walk.go(open)
  } catch (error) {
    if (error instanceof Broken) walk.findings.push(error.finding)
    else if (signal.aborted) walk.findings.push(warning('broken off.'))
    else walk.findings.push(fault(`broken off: ${reasonOf(error)}.`))
  }
  return [...walk.findings, ...(await removal(account, walk.deeds))]
}

async function removal(account: TemporaryAccount, deeds: Walk['deeds']): Promise<Finding[]> {
  try {
    if (await account.remove(deeds)) return []
    return [warning('the service has not ended the session of the account that was removed: see to its log.')]
  } catch (error) {
    const says = `${account.email} could not be removed (${reasonOf(error)}): the next round does so, in ten minutes at the earliest.`
    return [fault(says)]
  }
}
