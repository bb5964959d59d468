import { type Manifest, MemoryStore, openStore, type Store } from '@carnet/protocol'
import { Audit, type Deed } from '../accounts/audit.ts'
import { type Database, openMigrated } from '../accounts/database.ts'
import { normalizeEmail } from '../accounts/email.ts'
import { Passwords } from '../accounts/passwords.ts'
import { Sessions } from '../accounts/sessions.ts'
import type { Account } from '../accounts/user-row.ts'
import { Users } from '../accounts/users.ts'
import { loadConfig } from '../config.ts'

const STORE_AWAY = 'The session store does not answer: see to CARNET_REDIS_URL, and try again.'
const STORE_EMBEDDED =
  'The sessions are in the embedded store, in the memory of the service that runs. Set CARNET_REDIS_URL to share them.'
const NOT_NOTED = 'The audit log could not be written: see to CARNET_DATABASE_URL.'

/** What commands on accounts work with. */
export interface Accounts {
  readonly manifest: Manifest
  readonly database: Database
  readonly users: Users
  readonly sessions: Sessions
  readonly audit: Audit
  /** False where the sessions are in the memory of a running service, or the store does not answer: the service follows the database by itself. */
  readonly seesSessions: boolean
  /** Why the sessions are not seen, in a sentence; null where they are. */
  readonly blind: string | null
}

/** Opens the accounts as configured, lets `work` work, and closes them. `store` asks for the sessions as well. */
export async function withAccounts<T>(
  work: (accounts: Accounts) => Promise<T>,
  { store: wanted = false, env = process.env }: { store?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<T> {
  const { databaseUrl, storeUrl, manifest } = loadConfig(env, { serving: false })
  const database = await openMigrated(databaseUrl, { patient: true })
  const audit = new Audit(database, { info: () => {}, warn: () => console.error(NOT_NOTED) })
  const passwords = new Passwords(() => manifest.accounts.password.cost)
  const shared = wanted && storeUrl !== 'memory:'
  const store: Store = shared ? await openStore(storeUrl) : new MemoryStore()
  try {
    const answers = await store.ping().then(
      () => true,
      () => false,
    )
    const seesSessions = shared && answers
    const users = new Users(database, passwords)
    const sessions = new Sessions(database, store, users, () => manifest)
    const blind = seesSessions ? null : shared ? STORE_AWAY : STORE_EMBEDDED
    return await work({ manifest, database, users, sessions, audit, seesSessions, blind })
  } finally {
    await store.close()
    await passwords.close()
    await audit.close()
    await database.destroy()
  }
}

/** Notes that a command has printed a secret. Where the database does not answer, that is said and no more. */
export async function noteShown(
  event: Deed['event'],
  site: string | null,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  try {
    await withAccounts(async ({ audit }) => audit.note({ event, actor: 'admin', site }), { env })
  } catch {
    console.error(NOT_NOTED)
  }
}

/** The account of an address. Throws an `Error` that says so where there is none. */
export async function accountOf(users: Users, email: string): Promise<Account> {
  const account = await users.find({ email: normalizeEmail(email) ?? '' })
  if (account === null) throw new Error(`There is no user ${email}. "carnet user list" lists them.`)
  return account
}

/** An account as commands print it as JSON. */
export function toJson({ user, disabled, createdAt }: Account): object {
  return { ...user, disabled, createdAt: new Date(createdAt).toISOString() }
}
