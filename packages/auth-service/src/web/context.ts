import type { Client, LiveManifest, Signer, Store, TrustProxy } from '@carnet/protocol'
import type { Middleware, ParameterizedContext } from 'koa'
import type { Logger } from 'pino'
import type { Database } from '../accounts/database.ts'
import type { Users } from '../accounts/users.ts'
import type { OwnSession } from '../sso/own-session.ts'

/** What every route works with. */
export interface Desk {
  readonly manifest: LiveManifest
  readonly store: Store
  readonly database: Database
  readonly users: Users
  readonly signer: Signer
  readonly trust: TrustProxy
  readonly log: Logger
}

/** What the road has found out about a request before a route sees it. */
export interface State {
  client: Client
  /** Null for who is not signed in. */
  session: OwnSession | null
  /** For the Content-Security-Policy and the elements it lets through. */
  nonce: string
}

/** The pages' own short-lived state, in koa-session's signed cookie. */
export interface PageState {
  /** Proves that a form came from one of our pages, where the browser does not say so itself. */
  formToken?: string
  flash?: Flash
}

/** What the last form could not do; shown once. */
export interface Flash {
  /** For the page as a whole. */
  message: string
  /** Per field. */
  fields: Readonly<Record<string, string>>
  /** What was typed, never the password. */
  email: string
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
