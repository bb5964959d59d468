import { createHash } from 'node:crypto'
import { parseCookies, serializeCookie, soleCookie } from '@carnet/protocol'
import { nanoid } from 'nanoid'
import { type AgentRequest, cookieHeader } from './exchange.ts'
import type { Place } from './place.ts'

// A nonce ties a ticket to this browser: AUTH sees its hash (the state), the browser keeps the nonce itself.

const LIFE_MS = 600_000
const MOST_AT_ONCE = 8
/** Characters of a return path that a nonce's cookie keeps whole. */
export const LONGEST_PATH = 512
const RETRY_MARK = '~2'
const SILENT_MARK = 's'

/** Which way it is for. */
export type Kind = 'bounce' | 'pull'

/** A nonce just made: what to send to AUTH, and the cookies to set. */
export interface NewNonce {
  readonly state: string
  readonly cookies: readonly string[]
}

/**
 * Makes a nonce. `retry` marks the state, so that a browser that keeps no cookies is known on its second return; `silent`
 * is for a bounce that asks nothing of the person.
 */
export function newNonce(
  place: Place,
  request: AgentRequest,
  kind: Kind,
  returnPath: string,
  { retry = false, silent = false }: { retry?: boolean; silent?: boolean } = {},
): NewNonce {
  const nonce = nanoid(32)
  const hash = sha256(nonce)
  const path = Buffer.from(shorten(returnPath)).toString('base64url')
  const kept = [nonce, Date.now().toString(36), path, ...(silent ? [SILENT_MARK] : [])].join('.')
  const cookie = serializeCookie({
    name: nameFor(place, kind, hash),
    value: place.signer.sign(`nonce-${kind}`, kept),
    ...reach(kind, place),
    maxAge: LIFE_MS / 1000,
  })
  return {
    state: retry ? hash + RETRY_MARK : hash,
    cookies: [cookie, ...(kind === 'bounce' ? dropSurplus(place, request) : [])],
  }
}

/** What a browser's nonce keeps. */
export interface ProvenNonce {
  readonly returnPath: string
  /** Whether nothing was to be asked of the person. */
  readonly silent: boolean
}

/** What this browser's nonce for `state` keeps, or null where the browser holds none. */
export function provenNonce(
  place: Place,
  request: AgentRequest,
  kind: Kind,
  state: string,
): ProvenNonce | null {
  const hash = hashOf(state)
  const signed = soleCookie(cookieHeader(request), nameFor(place, kind, hash))
  const kept = signed === null ? null : place.signer.verify(`nonce-${kind}`, signed)
  if (kept === null) return null
  const [nonce = '', madeAt = '', path = '', mark] = kept.split('.')
  if (sha256(nonce) !== hash || Date.now() - Number.parseInt(madeAt, 36) > LIFE_MS) return null
  return { returnPath: Buffer.from(path, 'base64url').toString(), silent: mark === SILENT_MARK }
}

/** Whether a state stands for the second try of a bounce. */
export function isRetry(state: string): boolean {
  return state.endsWith(RETRY_MARK)
}

/** Drops the nonce of a state. */
export function dropNonce(place: Place, kind: Kind, state: string): string {
  return drop(nameFor(place, kind, hashOf(state)), kind, place)
}

// Abandoned bounces must not fill the request header: browsers list the oldest cookie first.
function dropSurplus(place: Place, request: AgentRequest): string[] {
  const held = parseCookies(cookieHeader(request)).filter(({ name }) => name.startsWith(place.names.nonce))
  return held
    .slice(0, Math.max(0, held.length + 1 - MOST_AT_ONCE))
    .map(({ name }) => drop(name, 'bounce', place))
}

function drop(name: string, kind: Kind, place: Place): string {
  return serializeCookie({ name, value: '', ...reach(kind, place), maxAge: 0 })
}

// A pixel's return is a cross-site request, and only SameSite=None comes along; browsers ask Secure of it, on
// http://*.localhost too.
function reach(kind: Kind, place: Place): { sameSite: 'Lax' | 'None'; secure: boolean } {
  return kind === 'pull'
    ? { sameSite: 'None', secure: true }
    : { sameSite: 'Lax', secure: place.names.secure }
}

// A pull has one of sixteen names, since any page can begin many at once; a lost one costs a bounce later. A bounce has a
// name of its own: tabs opened together must all come back.
function nameFor(place: Place, kind: Kind, hash: string): string {
  if (kind === 'pull') return place.names.pull + ((hash.codePointAt(0) ?? 0) % 16).toString(16)
  return place.names.nonce + hash.slice(0, 12).replace(/[^\w-]/g, '')
}

/** What a cookie can keep of a path: the eight that may be held at once have to fit into a request's header. */
function shorten(path: string): string {
  if (path.length <= LONGEST_PATH) return path
  const bare = path.split(/[?#]/, 1)[0] ?? ''
  return bare.length <= LONGEST_PATH ? bare : '/'
}

function hashOf(state: string): string {
  return isRetry(state) ? state.slice(0, -RETRY_MARK.length) : state
}

function sha256(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}
