import { type Manifest, MemoryStore, openStore, type Store } from '@carnet/protocol'
import { type Database, openMigrated } from '../accounts/database.ts'
import { normalizeEmail } from '../accounts/email.ts'
import { Passwords } from '../accounts/passwords.ts'
import { Sessions } from '../accounts/sessions.ts'
import type { Account } from '../accounts/user-row.ts'
import { Users } from '../accounts/users.ts'
import { loadConfig } from '../config.ts'

/** What commands on accounts work with. */
export interface Accounts {
  readonly manifest: Manifest
  readonly database: Database
  readonly users: Users
  readonly sessions: Sessions
  /** False where the sessions are in the memory of a running service, which follows the database within a second. */
  readonly seesSessions: boolean
}

/** Opens the accounts as configured, lets `work` work, and closes them. `store` asks for the sessions as well. */
export async function withAccounts<T>(
  work: (accounts: Accounts) => Promise<T>,
  { store: wanted = false }: { store?: boolean } = {},
): Promise<T> {
  const { databaseUrl, storeUrl, manifest } = loadConfig(process.env, { serving: false })
  const database = await openMigrated(databaseUrl, { patient: true })
  const passwords = new Passwords(12)
  const seesSessions = wanted && storeUrl !== 'memory:'
  const store: Store = seesSessions ? await openStore(storeUrl) : new MemoryStore()
  try {
    const users = new Users(database, passwords)
    const sessions = new Sessions(database, store, users, () => manifest)
    return await work({ manifest, database, users, sessions, seesSessions })
  } finally {
    await store.close()
    await passwords.close()
    await database.destroy()
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
