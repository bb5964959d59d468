import type { IncomingMessage } from 'node:http'
import { authOrigin, MemoryStore, openStore, parseSecrets, type Secrets, type Store } from '@carnet/protocol'
import { type Logger, pino } from 'pino'
import { type LoginLook, loginManifest } from './login-manifest.ts'
import { checkRedirect, Login } from './login-module.ts'
import { createAuthService, type Mail } from './service.ts'

/** What a login module is made from. */
export interface LoginOptions extends LoginLook {
  /** Where a sign-in goes on to when nothing was asked for: a path of the app, outside the module. Default: `/`. */
  redirect?: string
  /** Signs the cookies: 32 bytes or more; several separated by commas, newest first. */
  key: string | undefined
  /** A database's URL. Default: `sqlite:./data/carnet.sqlite`. */
  database?: string | undefined
  /** A Redis URL, or `memory:`. Left out, the sessions are in this process's memory; production asks for that by name. */
  store?: string | Store | undefined
  /** Where mails go. Left out, they are kept at `<url>/dev/mail`; in production they wait. */
  mail?: { url: string; from: string } | undefined
  /** Addresses and CIDRs of proxies to believe. Default: `none`. */
  trustProxy?: string | undefined
  /** Default: warnings, to standard output. */
  log?: Logger | undefined
  /** bcrypt's cost. Default: 12. */
  passwordCost?: number | undefined
}

/**
 * Makes the auth service a part of one app. Throws a `TypeError` for what cannot work: a short key, a `redirect` that
 * leads elsewhere or back into the module, and in production a missing `origin` or `store`.
 */
export async function createLogin(options: LoginOptions): Promise<Login> {
  refuseUnknown(options)
  const secrets = readKey(options.key)
  const manifest = loginManifest(options)
  const { redirect = '/' } = options
  try {
    checkRedirect(redirect, manifest.current.auth)
  } catch (error) {
    manifest.close()
    throw error
  }
  if (manifest.production && options.store === undefined) {
    throw new TypeError(
      "`store` is missing: give a Redis URL, or 'memory:' for one process whose sessions end with it.",
    )
  }
  const log = options.log ?? pino({ level: 'warn' })
  const store = await openLoginStore(options.store, log)
  const homes = new WeakMap<IncomingMessage, string>()
  const mail: Mail = options.mail ?? (manifest.production ? null : 'kept')
  const service = await createAuthService({
    manifest,
    store,
    limits: typeof options.store === 'string' ? options.store : 'memory:',
    databaseUrl: options.database ?? 'sqlite:./data/carnet.sqlite',
    secrets,
    trustProxy: options.trustProxy ?? 'none',
    mail,
    refusesEviction: manifest.production,
    home: req => new URL(homes.get(req) ?? redirect, authOrigin(manifest.current)).href,
    ...(options.description !== undefined && { description: options.description }),
    ...(options.passwordCost !== undefined && { passwordCost: options.passwordCost }),
    log,
  })
  return new Login(service, manifest, homes, async () => {
    manifest.close()
    await service.close()
    if (typeof options.store !== 'object') await store.close()
  })
}

const OPTIONS: Record<keyof LoginOptions, true> = {
  title: true,
  description: true,
  theme: true,
  url: true,
  origin: true,
  timeout: true,
  signUp: true,
  password: true,
  manifest: true,
  redirect: true,
  key: true,
  database: true,
  store: true,
  mail: true,
  trustProxy: true,
  log: true,
  passwordCost: true,
}

// A misspelt `timeout` would else be no timeout.
function refuseUnknown(options: LoginOptions): void {
  const unknown = Object.keys(options).filter(name => !Object.hasOwn(OPTIONS, name))
  if (unknown.length === 0) return
  throw new TypeError(`Unknown: ${unknown.join(', ')}. A login takes ${Object.keys(OPTIONS).join(', ')}.`)
}

function readKey(key: string | undefined): Secrets {
  try {
    return parseSecrets(key ?? '')
  } catch (error) {
    throw new TypeError(`\`key\`: ${(error as Error).message} Make one with: openssl rand -base64 32`)
  }
}

async function openLoginStore(store: string | Store | undefined, log: Logger): Promise<Store> {
  if (typeof store === 'object') return store
  // A store of its own: another module in this process has other users.
  if (store === undefined || store === 'memory:') return new MemoryStore()
  return openStore(store, error => log.warn({ reason: error.message }, 'store_error'))
}
