import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { isSid } from './session-record.ts'

/** Secrets of one site, newest first: the newest signs, all verify. Each at least 32 bytes. */
export type Secrets = readonly [string, ...string[]]

/** What a signature is for; it covers the word, so that no value passes for another kind. */
export type Purpose = 'session' | 'claim' | 'nonce-bounce' | 'nonce-pull' | 'remember' | 'device' | 'handover'

/** Parses secrets from `a,b` or a list. Throws a `TypeError` where there is none or one has fewer than 32 bytes. */
export function parseSecrets(value: string | readonly string[]): Secrets {
  const [first, ...rest] = (typeof value === 'string' ? value.split(',') : value)
    .map(secret => secret.trim())
    .filter(secret => secret !== '')
  if (first === undefined) throw new TypeError('At least one secret is needed.')
  for (const secret of [first, ...rest]) {
    const bytes = Buffer.byteLength(secret)
    if (bytes < 32) throw new TypeError(`A secret has ${bytes} bytes; at least 32 are needed.`)
  }
  return [first, ...rest]
}

/**
 * The secrets of one site, derived by HKDF-SHA-256 (RFC 5869) from the auth service's: one site's tell nothing of
 * another's, and the auth service can verify every site.
 */
export function siteSecrets(secrets: Secrets, site: string): Secrets {
  const derive = (secret: string) =>
    Buffer.from(hkdfSync('sha256', secret, 'carnet', `site:${site}`, 32)).toString('base64url')
  const [newest, ...older] = secrets
  return [derive(newest), ...older.map(derive)]
}

/** Signs and verifies one site's values. */
export class Signer {
  readonly #secrets: Secrets
  readonly #site: string

  constructor(secrets: Secrets, site: string) {
    this.#secrets = secrets
    this.#site = site
  }

  /** `<value>.<signature>`, the signature 43 characters of base64url. */
  sign(purpose: Purpose, value: string): string {
    return `${value}.${this.#signature(this.#secrets[0], purpose, value)}`
  }

  /** The value that was signed for this purpose at this site, or null. */
  verify(purpose: Purpose, signed: string): string | null {
    const dot = signed.lastIndexOf('.')
    if (dot < 1 || signed.length - dot !== 44) return null
    const value = signed.slice(0, dot)
    const signature = Buffer.from(signed.slice(dot + 1))
    for (const secret of this.#secrets) {
      const expected = Buffer.from(this.#signature(secret, purpose, value))
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) return value
    }
    return null
  }

  #signature(secret: string, purpose: Purpose, value: string): string {
    // No part can hold a NUL: purposes and site ids are our own words, values are checked cookie text.
    return createHmac('sha256', secret).update(`${purpose}\0${this.#site}\0${value}`).digest('base64url')
  }
}

/** The session cookie's value: `<sid>.<signature>`. */
export function signSid(signer: Signer, sid: string): string {
  return signer.sign('session', sid)
}

/** The sid in a session cookie's value, or null for a forged, foreign or malformed one. */
export function verifySid(signer: Signer, value: string): string | null {
  const sid = signer.verify('session', value)
  return sid !== null && isSid(sid) ? sid : null
}

/**
 * All sids that a request's session cookies of one name verify to. For signing out only, where a duplicate must not
 * shield a session: who is signed in is told by the sole cookie.
 */
export function verifiedSids(signer: Signer, header: string | undefined, name: string): string[] {
  const sids = parseCookies(header).map(cookie =>
    cookie.name === name ? verifySid(signer, cookie.value) : null,
  )
  return [...new Set(sids.filter(sid => sid !== null))]
}

/** The names of the cookies, and whether they are `Secure`, at an origin. */
export interface CookieNames {
  readonly secure: boolean
  readonly session: string
  readonly claim: string
  /** Followed by the first characters of the bounce's state: several tabs do not disturb each other. */
  readonly nonce: string
  /** The same for a pixel's way there and back, followed by one of sixteen digits: parallel pulls cannot fill a header. */
  readonly pull: string
  readonly bounces: string
  readonly silent: string
  readonly handover: string
  readonly page: string
  readonly remember: string
  readonly device: string
  readonly language: string
}

/**
 * The cookie names at an origin, or at an auth service below a path, which is told in the names since other apps live
 * on that host. Over https all bear `__Host-` (RFC 6265bis §4.1.3.2). Over http, which only localhost may use, they go
 * without; the claim keeps its name, since it is `Secure` there too.
 */
export function cookieNames(url: string): CookieNames {
  const secure = url.startsWith('https:')
  // At the end, and with dots, which no path has: no name of one service is that of another.
  const path = new URL(url).pathname.replace(/\/$/, '').replaceAll('/', '.')
  const prefix = secure ? '__Host-carnet' : 'carnet'
  return {
    secure,
    session: `${prefix}${path}`,
    claim: '__Host-carnet-claim',
    nonce: `${prefix}-nonce-`,
    pull: `${prefix}-pull-`,
    bounces: `${prefix}-bounces`,
    silent: `${prefix}-silent`,
    handover: `${prefix}-handover`,
    page: `${prefix}-page${path}`,
    remember: `${prefix}-remember${path}`,
    device: `${prefix}-device${path}`,
    language: `${prefix}-language${path}`,
  }
}

/** A cookie to be set. Always host-only, `Path=/` and `HttpOnly`. */
export interface NewCookie {
  readonly name: string
  readonly value: string
  readonly sameSite: 'Lax' | 'None'
  readonly secure: boolean
  /** Seconds; 0 drops the cookie, absence makes it end with the browser. */
  readonly maxAge?: number
}

/** The `Set-Cookie` header of a cookie. */
export function serializeCookie(cookie: NewCookie): string {
  const age = cookie.maxAge === undefined ? '' : `; Max-Age=${cookie.maxAge}`
  const secure = cookie.secure ? '; Secure' : ''
  return `${cookie.name}=${cookie.value}; Path=/${age}; HttpOnly${secure}; SameSite=${cookie.sameSite}`
}

/** All cookies of a request, in its order, duplicates kept: two of one name are for the caller to refuse. */
export function parseCookies(header: string | undefined): { name: string; value: string }[] {
  if (header === undefined || header === '') return []
  const cookies = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0) cookies.push({ name: strip(pair.slice(0, equals)), value: strip(pair.slice(equals + 1)) })
  }
  return cookies
}

/**
 * Without spaces and tabs at its ends, and nothing else: `trim` would also take a no-break space, and with it the name
 * under which a sibling domain tosses in what no browser lets it call `__Host-`.
 */
function strip(text: string): string {
  let [start, end] = [0, text.length]
  while (isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The one value of a name; null where it is absent or stands there twice (RFC 6265bis §5.7 lets a sibling toss one in). */
export function soleCookie(header: string | undefined, name: string): string | null {
  const at = header === undefined ? -1 : header.indexOf(name)
  if (header === undefined || at < 0) return null
  // Every request comes by here. Where the name stands once and plainly, the other cookies need not be taken apart.
  if (header.indexOf(name, at + 1) < 0 && isPlain(header, at, name)) {
    const semicolon = header.indexOf(';', at)
    return strip(header.slice(at + name.length + 1, semicolon < 0 ? undefined : semicolon))
  }
  let found: string | null = null
  for (const cookie of parseCookies(header)) {
    if (cookie.name !== name) continue
    if (found !== null) return null
    found = cookie.value
  }
  return found
}

/** Whether a name that stands in a header is a cookie's: at its beginning or after `; `, and before `=`. */
function isPlain(header: string, at: number, name: string): boolean {
  return (at === 0 || header.startsWith('; ', at - 2)) && header.startsWith('=', at + name.length)
}
