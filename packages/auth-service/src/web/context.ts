import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type {
  Brand,
  Client,
  Language,
  LiveManifest,
  ProxyNotice,
  Signer,
  Site,
  Store,
  Toucher,
  TrustProxy,
  User,
} from '@carnet/protocol'
import type { Middleware, ParameterizedContext } from 'koa'
import type { Logger } from 'pino'
import type { Audit } from '../accounts/audit.ts'
import type { Database } from '../accounts/database.ts'
import type { MailTokens } from '../accounts/mail-tokens.ts'
import type { Remembering } from '../accounts/remember.ts'
import type { Sessions } from '../accounts/sessions.ts'
import type { Users } from '../accounts/users.ts'
import type { Feed } from '../agents/feed.ts'
import type { Limits } from '../limits.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { KeptMail } from '../mail/transport.ts'
import type { OwnSession } from '../sso/own-session.ts'
import type { Texts } from '../texts/en.ts'

/** What the service tells the app that it runs in. */
export interface ServiceEvents {
  signup: [event: { user: User }]
  signin: [event: { user: User }]
  signout: [event: { user: User | null }]
}

/** What every route works with. */
export interface Desk {
  readonly manifest: LiveManifest
  readonly store: Store
  /** Whether the store was reached lately, and took what was written. */
  readonly keepsStore: () => boolean
  readonly toucher: Toucher
  readonly database: Database
  readonly users: Users
  readonly sessions: Sessions
  readonly remembering: Remembering
  readonly limits: Limits
  readonly tokens: MailTokens
  readonly outbox: Outbox
  readonly audit: Audit
  /** What agents that reach no Redis are told to forget. */
  readonly feed: Feed
  /** The mails that were kept in place of being sent, or null where they are sent. */
  readonly kept: KeptMail | null
  readonly signer: Signer
  readonly trust: TrustProxy
  /** What was seen of proxies that are not trusted. */
  readonly proxies: ProxyNotice
  readonly log: Logger
  readonly events: EventEmitter<ServiceEvents>
  /** Reads a logo's file, named beside the manifest, into a `data:` URL; null where it cannot be read. */
  readonly logo: (file: string) => string | null
  /** Where a sign-in goes on to when nothing was asked for, absolute. */
  readonly home: (req: IncomingMessage) => string
  /** A line below the sign-in page's title, or null for the usual one. */
  readonly description: string | null
}

/** What the road has found out about a request before a route sees it. */
export interface State {
  client: Client
  /** Whose agent asks; absent where it is none. */
  site?: Site
  /** What that site keeps of the browser in place of our cookie `device`, or null; absent where no agent asks. */
  device?: string | null
  /** Null for who is not signed in. */
  session: OwnSession | null
  /** For the Content-Security-Policy and the elements it lets through. */
  nonce: string
  language: Language
  texts: Texts
  /** The path that the service lives below, without a slash at its end; empty at an origin of its own. */
  base: string
  /** How pages look, for the site that the person comes from; its logo is a `data:` URL. */
  brand: Brand
}

/** The pages' own short-lived state, in koa-session's signed cookie. */
export interface PageState {
  /** Proves that a form came from one of our pages, where the browser does not say so itself. */
  formToken?: string
  flash?: Flash
  /** The session of a site's own form that is being taken over: see `routes/takeover.ts`. */
  takeover?: { nonce: string; site: string; returnTo: string }
}

/** What the last form said; shown once, on its page. */
export interface Flash {
  /** The path of that page. */
  page: string
  /** For the page as a whole; absent where the fields say it all. */
  message?: string
  /** Whether it went well. */
  good?: boolean
  /** Per field. */
  fields: Readonly<Record<string, string>>
  /** What was typed, never a password. */
  values: Readonly<Record<string, string>>
  /** The stable code of what went wrong. */
  code?: string
}

/** What the road's libraries add to Koa's context. */
export interface Extras {
  /** koa-session's. */
  session: PageState | null
  /** The route's pattern, once the router has found it. */
  _matchedRoute?: string | RegExp
}

/** A request on our road. */
export type Ctx = ParameterizedContext<State, Extras>

/** A step of our road. */
export type Step = Middleware<State, Extras>
