import type { IncomingMessage } from 'node:http'
import {
  fixedManifest,
  isLocalhost,
  type LiveManifest,
  type Manifest,
  normalizeAddress,
  parseDuration,
  parseManifest,
  watchManifest,
} from '@carnet/protocol'

/** How a login module looks, and where it is. */
export interface LoginLook {
  /** The name of the app. */
  title: string
  /** A line below the sign-in page's title. */
  description?: string | undefined
  /** `accent` a colour such as `#0a6`; `logo` a `data:` URL. */
  theme?: { accent?: string; logo?: string } | undefined
  /** The path that the module lives below. Default: `/login`. */
  url?: string | undefined
  /** The app's public origin, `https://app.example`. Needed in production; elsewhere any localhost is taken as it comes. */
  origin?: string | undefined
  /** A session unused for so long ends: `24h`, the default. */
  timeout?: string | undefined
  /** Default: `open`. */
  signUp?: 'open' | 'private' | 'closed' | undefined
  /** Default: `{ minLength: 15 }`. */
  password?: { minLength: number } | undefined
  /** For several domains: a manifest's file, or a manifest, whose `auth` is this module's address. Its `session` and `accounts` hold then. */
  manifest?: string | Manifest | undefined
}

const MONTH_MS = 30 * 86_400_000

/** The manifest of a login module. */
export interface LoginManifest extends LiveManifest {
  /** As for the service: by NODE_ENV, or by a public address that is not localhost. */
  readonly production: boolean
  /** Told of each request; whether its host is one that the module may speak for. */
  see(req: IncomingMessage): boolean
}

/** Makes it. Throws a `TypeError` for what cannot work. */
export function loginManifest(look: LoginLook): LoginManifest {
  const { url = '/login', origin, manifest } = look
  const asked = process.env['NODE_ENV'] === 'production'
  if (!/^(\/[a-z0-9-]+)+$/.test(url)) {
    throw new TypeError(`\`url\` must be a path of its own such as /login, not ${JSON.stringify(url)}.`)
  }
  if (manifest !== undefined) return ofSeveral(look, manifest, url)
  if (origin !== undefined) {
    const one = fixedManifest(ofOne(look, originOf(origin, asked) + url))
    return { ...one, production: asked || isPublic(origin), see: () => true }
  }
  if (asked) {
    throw new TypeError(
      "`origin` is missing: production needs the app's public origin, such as https://app.example.",
    )
  }
  let current = ofOne(look, `http://localhost${url}`)
  return {
    production: false,
    get current() {
      return current
    },
    close: () => {},
    see(req) {
      const host = req.headers.host ?? ''
      if (!isLocal(host)) return false
      const auth = `http://${host}${url}`
      if (current.auth !== auth) current = { ...current, auth }
      return true
    },
  }
}

/** One app, no sites: checked as any other manifest is. */
function ofOne(look: LoginLook, auth: string): Manifest {
  const { timeout = '24h' } = look
  const idle = parseDuration(timeout)
  if (!(idle >= 1_000))
    throw new TypeError(`\`timeout\` must be a duration such as 24h, not ${JSON.stringify(timeout)}.`)
  const content = {
    auth: 'http://auth.localhost',
    brand: brandOf(look),
    accounts: {
      ...(look.signUp !== undefined && { signUp: look.signUp }),
      ...(look.password !== undefined && { password: look.password }),
    },
    sites: [{ id: 'none', origin: 'http://none.localhost' }],
  }
  // JSON is YAML.
  const checked = parseManifest(JSON.stringify(content, null, 2), 'createLogin')
  const session = { ...checked.session, idle, absolute: Math.max(MONTH_MS, idle) }
  return { ...checked, auth, session, sites: [] }
}

/** The app as the auth service of several domains. */
function ofSeveral(look: LoginLook, source: string | Manifest, url: string): LoginManifest {
  const live = typeof source === 'string' ? watchManifest(source) : fixedManifest(source)
  const { auth } = live.current
  if (new URL(auth).pathname !== url || (look.origin !== undefined && auth !== look.origin + url)) {
    live.close()
    throw new TypeError(`The manifest's auth is ${auth}, but this module is at ${look.origin ?? ''}${url}.`)
  }
  return {
    production: process.env['NODE_ENV'] === 'production' || isPublic(auth),
    get current() {
      return { ...live.current, brand: { ...live.current.brand, ...brandOf(look) } }
    },
    close: () => live.close(),
    see: () => true,
  }
}

function brandOf({ title, theme }: LoginLook): { name: string; accent?: string; logo?: string } {
  return { name: title, ...theme }
}

function originOf(origin: string, production: boolean): string {
  const url = URL.canParse(origin) ? new URL(origin) : null
  const secure = url?.protocol === 'https:' || (!production && url !== null && isLocal(url.host))
  if (url === null || url.origin !== origin || !secure) {
    throw new TypeError(
      `\`origin\` must be an https origin such as https://app.example, not ${JSON.stringify(origin)}.`,
    )
  }
  return origin
}

function isPublic(url: string): boolean {
  return !isLocal(new URL(url).host)
}

/** Whether a Host header names this machine. */
function isLocal(host: string): boolean {
  if (!/^[\w.:[\]-]{1,255}$/.test(host) || !URL.canParse(`http://${host}/`)) return false
  const { hostname } = new URL(`http://${host}/`)
  const address = normalizeAddress(hostname.replace(/^\[|\]$/g, ''))
  return isLocalhost(hostname) || address.startsWith('127.') || address === '::1'
}
