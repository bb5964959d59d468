import {
  type LiveManifest,
  parseTrustProxy,
  type Secrets,
  Signer,
  type Store,
  siteSecrets,
} from '@carnet/protocol'
import type Koa from 'koa'
import type { Logger } from 'pino'
import { migrate, openDatabase } from './accounts/database.ts'
import { Passwords } from './accounts/passwords.ts'
import { Users } from './accounts/users.ts'
import { createApp } from './web/app.ts'
import type { Extras, State } from './web/context.ts'

/** What a service is made from. */
export interface AuthServiceOptions {
  manifest: LiveManifest
  /** Kept open: who opened it closes it. */
  store: Store
  /** `sqlite:FILE`, `sqlite::memory:` or `postgres://…`. */
  databaseUrl: string
  /** Newest first. */
  secrets: Secrets
  /** Addresses and CIDRs of proxies to believe. Default: `none`. */
  trustProxy?: string
  log: Logger
  /** bcrypt's cost. Default: 12, some 300 ms of one core. */
  passwordCost?: number
}

/** The auth service: a Koa app and what it holds open. */
export interface AuthService {
  readonly app: Koa<State, Extras>
  readonly users: Users
  close(): Promise<void>
}

/** Makes the auth service. Throws a `TypeError` for options that cannot work. */
export async function createAuthService(options: AuthServiceOptions): Promise<AuthService> {
  const trust = parseTrustProxy(options.trustProxy ?? 'none')
  const database = openDatabase(options.databaseUrl)
  try {
    await migrate(database)
  } catch (error) {
    await database.destroy()
    throw error
  }
  const passwords = new Passwords(options.passwordCost ?? 12)
  const users = new Users(database, passwords)
  const { manifest, store, log, secrets } = options
  const signer = new Signer(siteSecrets(secrets, 'auth'), 'auth')
  const app = createApp({ manifest, store, database, users, signer, trust, log }, secrets)
  return {
    app,
    users,
    async close() {
      await passwords.close()
      await database.destroy()
    },
  }
}
