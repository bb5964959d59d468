import { createHash } from 'node:crypto'
import { parseCookies, serializeCookie, soleCookie } from '@carnet/protocol'
import { nanoid } from 'nanoid'
import { type AgentRequest, cookieHeader } from './exchange.ts'
import type { Place } from './place.ts'

// A nonce ties a ticket to this browser: AUTH sees its hash (the state), the browser keeps the nonce itself.

const LIFE_MS = 600_000
const MOST_AT_ONCE = 8
const RETRY_MARK = '~2'

/** A nonce just made: what to send to AUTH, and the cookies to set. */
export interface NewNonce {
  readonly state: string
  readonly cookies: readonly string[]
}

/** Makes a nonce. `retry` marks the state, so that a browser that keeps no cookies is known on its second return. */
export function newNonce(
  place: Place,
  request: AgentRequest,
  kind: 'bounce' | 'pull',
  returnPath: string,
  retry = false,
): NewNonce {
  const nonce = nanoid(32)
  const hash = sha256(nonce)
  const kept = [nonce, Date.now().toString(36), Buffer.from(returnPath).toString('base64url')].join('.')
  const cookie = serializeCookie({
    name: nameFor(place, hash),
    value: place.signer.sign(`nonce-${kind}`, kept),
    // The pixel's return is a cross-site request, and only SameSite=None comes along; browsers ask Secure of it, on
    // http://*.localhost too.
    sameSite: kind === 'pull' ? 'None' : 'Lax',
    secure: kind === 'pull' || place.names.secure,
    maxAge: LIFE_MS / 1000,
  })
  return { state: retry ? hash + RETRY_MARK : hash, cookies: [cookie, ...dropSurplus(place, request)] }
}

/** The return path that this browser's nonce for `state` keeps, or null where the browser holds none. */
export function provenNonce(
  place: Place,
  request: AgentRequest,
  kind: 'bounce' | 'pull',
  state: string,
): string | null {
  const hash = state.endsWith(RETRY_MARK) ? state.slice(0, -RETRY_MARK.length) : state
  const signed = soleCookie(cookieHeader(request), nameFor(place, hash))
  const kept = signed === null ? null : place.signer.verify(`nonce-${kind}`, signed)
  if (kept === null) return null
  const [nonce = '', madeAt = '', path = ''] = kept.split('.')
  if (sha256(nonce) !== hash || Date.now() - Number.parseInt(madeAt, 36) > LIFE_MS) return null
  return Buffer.from(path, 'base64url').toString()
}

/** Whether a state stands for the second try of a bounce. */
export function isRetry(state: string): boolean {
  return state.endsWith(RETRY_MARK)
}

/** Drops the nonce of a state. */
export function dropNonce(place: Place, state: string): string {
  const hash = isRetry(state) ? state.slice(0, -RETRY_MARK.length) : state
  return drop(nameFor(place, hash), place)
}

// Abandoned bounces must not fill the request header: browsers list the oldest cookie first.
function dropSurplus(place: Place, request: AgentRequest): string[] {
  const held = parseCookies(cookieHeader(request)).filter(({ name }) => name.startsWith(place.names.nonce))
  return held.slice(0, Math.max(0, held.length + 1 - MOST_AT_ONCE)).map(({ name }) => drop(name, place))
}

function drop(name: string, place: Place): string {
  return serializeCookie({ name, value: '', sameSite: 'Lax', secure: place.names.secure, maxAge: 0 })
}

function nameFor(place: Place, hash: string): string {
  return place.names.nonce + hash.slice(0, 12).replace(/[^\w-]/g, '')
}

function sha256(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}
