import { isSid, type SessionRecord, serializeCookie, soleCookie } from '@carnet/protocol'
import { type AgentRequest, cookieHeader } from './exchange.ts'
import type { Place } from './place.ts'

// A claim is what a pixel leaves: third-party, so SameSite=None, and therefore good for nothing but to be swapped
// for the session cookie on a request that no foreign page can turn into a deed.

const LONGEST_MS = 20 * 60_000

/** A claim that was read and found genuine. */
export interface Claim {
  readonly sid: string
  readonly via: 'pull' | 'push'
}

/** The cookie of a new claim. It lives no longer than the session could unused, and 20 minutes at most. */
export function newClaim(place: Place, sid: string, session: SessionRecord, via: 'pull' | 'push'): string {
  const now = place.store.now()
  const until = Math.min(now + Math.min(place.current.session.idle, LONGEST_MS), session.expiresAt)
  return serializeCookie({
    name: place.names.claim,
    value: place.signer.sign('claim', `${sid}.${until.toString(36)}.${via}`),
    sameSite: 'None',
    secure: true,
    maxAge: Math.ceil((until - now) / 1000),
  })
}

/** The request's claim, or null where there is none that is genuine and unexpired. */
export function readClaim(place: Place, request: AgentRequest): Claim | null {
  const signed = soleCookie(cookieHeader(request), place.names.claim)
  const value = signed === null ? null : place.signer.verify('claim', signed)
  if (value === null) return null
  const [sid = '', until = '', via = ''] = value.split('.')
  if (!isSid(sid) || (via !== 'pull' && via !== 'push')) return null
  return Number.parseInt(until, 36) > place.store.now() ? { sid, via } : null
}

/** Whether the request bears a claim, genuine or not. */
export function hasClaim(place: Place, request: AgentRequest): boolean {
  return cookieHeader(request)?.includes(place.names.claim) === true
}

/** Drops the claim. */
export function dropClaim(place: Place): string {
  return serializeCookie({ name: place.names.claim, value: '', sameSite: 'None', secure: true, maxAge: 0 })
}
