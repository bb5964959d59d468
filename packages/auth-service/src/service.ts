import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import {
  type LiveManifest,
  ProxyNotice,
  parseTrustProxy,
  type Secrets,
  Signer,
  type Store,
  siteSecrets,
  Toucher,
} from '@carnet/protocol'
import type Koa from 'koa'
import type { Logger } from 'pino'
import { Audit } from './accounts/audit.ts'
import { Backend, backendKeys } from './accounts/backend.ts'
import { openMigrated } from './accounts/database.ts'
import { noteKeys } from './accounts/keys.ts'
import { MailTokens } from './accounts/mail-tokens.ts'
import { Passwords } from './accounts/passwords.ts'
import { Remembering } from './accounts/remember.ts'
import { Sessions } from './accounts/sessions.ts'
import { Users } from './accounts/users.ts'
import { Feed } from './agents/feed.ts'
import { EVICTS, Following } from './following.ts'
import { Limits } from './limits.ts'
import { logoReader } from './logo.ts'
import { Mailer } from './mail/mailer.ts'
import { Outbox } from './mail/outbox.ts'
import { KeptMail, smtpTransport } from './mail/transport.ts'
import { createApp } from './web/app.ts'
import type { Desk, Extras, ServiceEvents, State } from './web/context.ts'

/** Where mails go: a mail server; `kept`, to be read at `/dev/mail`; or null, which leaves them waiting. */
export type Mail = { readonly url: string; readonly from: string } | 'kept' | null

/** What a service is made from. */
export interface AuthServiceOptions {
  manifest: LiveManifest
  /** Kept open: who opened it closes it. */
  store: Store
  /** Where tries are counted: a Redis URL, or `memory:` for this process alone. Default: `memory:`. */
  limits?: string
  /** `sqlite:FILE`, `sqlite::memory:` or `postgres://…`. */
  databaseUrl: string
  /** Newest first. */
  secrets: Secrets
  /** Addresses and CIDRs of proxies to believe. Default: `none`. */
  trustProxy?: string
  log: Logger
  /** bcrypt's cost. Default: the manifest's. */
  passwordCost?: number
  /** Default: null. */
  mail?: Mail
  /** The folder that logos of the manifest are named from. Default: the current one. */
  folder?: string
  /** Where a sign-in goes on to when nothing was asked for, absolute. Default: the service's home. */
  home?: (req: IncomingMessage) => string
  /** Whether to refuse a store that throws sessions away when its memory is full, as production does. Default: false. */
  refusesEviction?: boolean
  /** A line below the sign-in page's title. */
  description?: string
}

/** The auth service: a Koa app and what it holds open. */
export interface AuthService {
  readonly app: Koa<State, Extras>
  readonly users: Users
  readonly sessions: Sessions
  readonly events: EventEmitter<ServiceEvents>
  readonly desk: Desk
  /** Ends the answers that would not end by themselves, as a server has to before it can close. */
  endStreams(): Promise<void>
  close(): Promise<void>
}

/** Makes the auth service. Throws a `TypeError` for options that cannot work. */
export async function createAuthService(options: AuthServiceOptions): Promise<AuthService> {
  const { manifest, store, log, secrets, mail = null } = options
  const refusesEviction = options.refusesEviction ?? false
  if (refusesEviction && store.evicts()) throw new TypeError(EVICTS)
  const trust = parseTrustProxy(options.trustProxy ?? 'none')
  const kept = mail === 'kept' ? new KeptMail() : null
  const transport = mail === null || mail === 'kept' ? kept : await smtpTransport(mail.url, mail.from)
  const database = await openMigrated(options.databaseUrl)
  const stopNoting = noteKeys(database, secrets, error => log.warn({ err: error }, 'keys_not_noted'))
  const passwords = new Passwords(() => options.passwordCost ?? manifest.current.accounts.password.cost)
  const users = new Users(database, passwords, () => {
    const { credentials } = manifest.current.accounts
    return credentials === null ? null : new Backend(credentials, backendKeys(secrets)[0])
  })
  const sessions = new Sessions(database, store, users, () => manifest.current)
  const tokens = new MailTokens(database, secrets, () => manifest.current.auth)
  const outbox = new Outbox(database)
  const mailer = new Mailer({ outbox, users, tokens, transport, manifest: () => manifest.current, log })
  const limits = new Limits(options.limits ?? 'memory:', error =>
    log.warn({ reason: error.message }, 'limits_error'),
  )
  const audit = new Audit(database, log)
  const feed = new Feed(store)
  const following = new Following({ store, sessions, outbox, audit, manifest, log, refusesEviction })
  const desk: Desk = {
    manifest,
    store,
    toucher: new Toucher(store),
    database,
    users,
    sessions,
    limits,
    remembering: new Remembering(database, siteSecrets(secrets, 'auth/remember'), sid =>
      store.wasRevoked(sid),
    ),
    tokens,
    outbox,
    audit,
    feed,
    kept,
    signer: new Signer(siteSecrets(secrets, 'auth'), 'auth'),
    trust,
    proxies: new ProxyNotice(trust, peer => log.warn({ peer }, 'proxy_untrusted')),
    log,
    events: new EventEmitter<ServiceEvents>(),
    keepsStore: () => following.keepsStore,
    logo: logoReader(options.folder ?? '.', log),
    home: options.home ?? (() => `${manifest.current.auth}/`),
    description: options.description ?? null,
  }
  return {
    app: createApp(desk, secrets),
    users,
    sessions,
    events: desk.events,
    desk,
    endStreams: () => feed.close(),
    async close() {
      await feed.close()
      await following.close()
      await mailer.close()
      await audit.close()
      await passwords.close()
      await limits.close()
      await stopNoting()
      await database.destroy()
    },
  }
}
