import { serializeCookie, signSid, soleCookie, verifySid } from '@carnet/protocol'
import { type AgentRequest, cookieHeader } from './exchange.ts'
import type { Place } from './place.ts'
import type { OpenSession } from './session-cache.ts'

/**
 * The hot path: cookie → session, from memory where that is known to hold, else by its signature from the store. Null
 * where the request bears no session cookie of this site that opens a live session. Throws `store_unavailable`, which
 * is always later.
 */
export function checkSession(
  place: Place,
  request: AgentRequest,
): OpenSession | null | Promise<OpenSession | null> {
  const cookie = soleCookie(cookieHeader(request), place.names.session)
  if (cookie === null) return null
  const { idle } = place.current.session
  const known = place.cache.find(cookie, idle)
  if (known !== null) return known
  const sid = verifySid(place.signer, cookie)
  return sid === null ? null : place.cache.read(cookie, sid, idle)
}

/** The session cookie of this site. */
export function newSessionCookie(place: Place, sid: string): string {
  return serializeCookie({
    name: place.names.session,
    value: signSid(place.signer, sid),
    sameSite: 'Lax',
    secure: place.names.secure,
  })
}

/** Drops the session cookie. */
export function dropSessionCookie(place: Place): string {
  const { session: name, secure } = place.names
  return serializeCookie({ name, value: '', sameSite: 'Lax', secure, maxAge: 0 })
}
