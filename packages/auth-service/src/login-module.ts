import { EventEmitter } from 'node:events'
import { type IncomingMessage, ServerResponse } from 'node:http'
import { CarnetError, cookieNames, hasJsonBody, returnTarget, type User, wantsJson } from '@carnet/protocol'
import type { Middleware } from 'koa'
import type { NewUser } from './accounts/user-row.ts'
import type { LoginManifest } from './login-manifest.ts'
import type { AuthService } from './service.ts'
import { readOwnSession } from './sso/own-session.ts'
import type { ServiceEvents } from './web/context.ts'
import { giveBody } from './web/middleware/body.ts'
import { policy } from './web/middleware/headers.ts'

/** An answer of the module. */
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string | Uint8Array
}

type HostRequest = IncomingMessage & { originalUrl?: string; baseUrl?: string; body?: unknown }
type ExpressHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

// What the module answers by itself loads nothing and is kept by nobody.
const BARE = {
  'cache-control': 'no-store',
  'content-security-policy': policy({}),
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const

/** The auth service inside one app. */
export class Login extends EventEmitter<ServiceEvents> {
  readonly #service: AuthService
  readonly #manifest: LoginManifest
  readonly #path: string
  readonly #homes: WeakMap<IncomingMessage, string>
  readonly #close: () => Promise<void>
  readonly #handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>

  constructor(
    service: AuthService,
    manifest: LoginManifest,
    homes: WeakMap<IncomingMessage, string>,
    close: () => Promise<void>,
  ) {
    super()
    this.#service = service
    this.#manifest = manifest
    this.#path = new URL(manifest.current.auth).pathname
    this.#homes = homes
    this.#close = close
    this.#handle = service.app.callback()
    service.events.on('signup', event => void this.emit('signup', event))
    service.events.on('signin', event => void this.emit('signin', event))
    service.events.on('signout', event => void this.emit('signout', event))
  }

  /**
   * Serves everything below the module's path, and sends who is not signed in there from everywhere else; true where it
   * has answered. `redirect` stands in for the option of that name. Throws a `TypeError` for one that cannot work.
   */
  async check(req: IncomingMessage, res: ServerResponse, redirect?: string): Promise<boolean> {
    const answer = await this.#answer(req, redirect)
    if (answer === null) return false
    res.statusCode = answer.status
    for (const [name, value] of Object.entries(answer.headers)) {
      res.setHeader(
        name,
        name === 'set-cookie' ? [res.getHeader(name) ?? [], value].flat().map(String) : value,
      )
    }
    res.end(answer.body)
    return true
  }

  /** Whether a Cookie header opens a live session. */
  async hasVerified(cookie: string | undefined): Promise<boolean> {
    return (await this.#session(cookie)) !== null
  }

  /** Who is signed in, or null. */
  async getUser(req: IncomingMessage): Promise<User | null> {
    return (await this.#session(req.headers.cookie))?.record.user ?? null
  }

  /** All users, by address. */
  async listUsers(): Promise<User[]> {
    return (await this.#service.users.list()).map(({ user }) => user)
  }

  /** Adds a user, whatever the password. Throws `email_taken`, and `invalid_input` for a faulty address. */
  async addUser(user: NewUser): Promise<User> {
    return this.#service.users.add(user)
  }

  /** The module as Koa middleware. */
  koa(): Middleware {
    return async (ctx, next) => {
      const { body } = ctx.request as { body?: unknown }
      if (ctx.req.readableEnded && body !== undefined) giveBody(ctx.req, body)
      const answer = await this.#answer(ctx.req)
      if (answer === null) return next()
      ctx.status = answer.status
      ctx.body = typeof answer.body === 'string' ? answer.body : Buffer.from(answer.body)
      for (const [name, value] of Object.entries(answer.headers)) {
        if (name === 'set-cookie') ctx.append(name, [value].flat())
        else ctx.set(name, [value].flat().join(', '))
      }
    }
  }

  /** The module as an Express handler. */
  express(): ExpressHandler {
    return (req, res, next) => {
      this.check(req, res).then(answered => {
        if (!answered) next()
      }, next)
    }
  }

  /** Closes what the module opened. */
  async close(): Promise<void> {
    await this.#close()
  }

  async #answer(req: HostRequest, redirect?: string): Promise<Answer | null> {
    const target = req.originalUrl ?? req.url ?? '/'
    if (req.baseUrl !== undefined && !this.#path.startsWith(req.baseUrl)) {
      throw new TypeError(`\`url\` is the whole public path: ${req.baseUrl}${this.#path}, not ${this.#path}.`)
    }
    if (redirect !== undefined) this.#homes.set(req, checkRedirect(redirect, this.#manifest.current.auth))
    if (!this.#manifest.see(req)) {
      const text = "This login module knows no public origin but localhost: give it `origin: 'https://…'`.\n"
      return { status: 400, headers: { 'content-type': 'text/plain; charset=utf-8', ...BARE }, body: text }
    }
    const [path = ''] = target.split('?', 1)
    if (path === this.#path || path.startsWith(`${this.#path}/`)) return this.#serve(req, target)
    try {
      if ((await this.#session(req.headers.cookie)) !== null) return null
    } catch (error) {
      if (error instanceof CarnetError) return refusal(error)
      throw error
    }
    if (!isNavigation(req)) return refusal(new CarnetError('signed_out', 'Sign in first.'))
    const back = req.method === 'GET' || req.method === 'HEAD' ? target : this.#homes.get(req)
    const query = back === undefined ? '' : `?${new URLSearchParams({ return_to: back })}`
    const location = `${this.#path}/signin${query}`
    return { status: 303, headers: { location, ...BARE }, body: '' }
  }

  /** Lets the service answer into a response of its own, so that the host's stays whole until there is an answer. */
  async #serve(req: HostRequest, target: string): Promise<Answer> {
    if (req.readableEnded && req.body !== undefined) giveBody(req, req.body)
    const { url } = req
    req.url = target
    try {
      const res = new ServerResponse(req)
      const body = new Promise<string | Uint8Array>(resolve => {
        res.end = ((chunk?: string | Uint8Array) => {
          resolve(chunk ?? '')
          return res
        }) as typeof res.end
      })
      await this.#handle(req, res)
      return {
        status: res.statusCode,
        headers: res.getHeaders() as Record<string, string | string[]>,
        body: await body,
      }
    } finally {
      if (url !== undefined) req.url = url
    }
  }

  #session(cookie: string | undefined) {
    const { desk } = this.#service
    const { auth, session } = this.#manifest.current
    const { store, toucher, signer } = desk
    return readOwnSession(cookie, { store, toucher, signer, names: cookieNames(auth), idle: session.idle })
  }
}

/** A path of the app outside the module, as it was given. Throws a `TypeError`. */
export function checkRedirect(redirect: string, auth: string): string {
  const { origin, pathname } = new URL(auth)
  const target = returnTarget(redirect, origin, [origin])
  if (target === null)
    throw new TypeError(`\`redirect\` must be a path of this app, not ${JSON.stringify(redirect)}.`)
  if (target.pathname === pathname || target.pathname.startsWith(`${pathname}/`)) {
    throw new TypeError(
      `\`redirect\` leads back into the module at ${pathname}: signing in would never come to an end.`,
    )
  }
  return redirect
}

function isNavigation(req: IncomingMessage): boolean {
  const mode = req.headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate'
  return !wantsJson(req.headers) && !hasJsonBody(req.headers)
}

function refusal(error: CarnetError): Answer {
  return {
    status: error.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...BARE,
      'carnet-error': error.code,
      ...(error.retryAfter !== null && { 'retry-after': String(error.retryAfter) }),
    },
    body: JSON.stringify({ code: error.status, error: error.code, message: error.message }),
  }
}
