import { sessionHandle } from '@carnet/protocol'
import { dropClaim, readClaim } from './claim.ts'
import type { AgentRequest } from './exchange.ts'
import type { Place } from './place.ts'
import { toSession } from './session.ts'
import type { OpenSession } from './session-cache.ts'
import { newSessionCookie } from './session-check.ts'

/** What became of a claim: the session it opened or null, and the cookies to set, which drop it in any case. */
export interface Swapped {
  readonly open: OpenSession | null
  readonly cookies: readonly string[]
}

/**
 * Swaps the request's claim for the session cookie, beside `live`, the session that the browser has at this site.
 * Throws `store_unavailable`, and then the claim stays.
 */
export async function swapClaim(
  place: Place,
  request: AgentRequest,
  live: OpenSession | null,
): Promise<Swapped> {
  const dropped: Swapped = { open: null, cookies: [dropClaim(place)] }
  const claim = readClaim(place, request)
  if (claim === null || claim.sid === live?.sid) return dropped
  const record = await place.store.read(claim.sid)
  if (record === null) return dropped
  // Nothing proved that a pushed claim was meant for this browser: it must not take another user's place.
  if (claim.via === 'push' && live !== null && live.session.user.id !== record.user.id) {
    place.log.warn({ site: place.site.id, code: 'other_user' }, 'claim_refused')
    return dropped
  }
  place.log.info({ site: place.site.id, via: claim.via }, 'claim_swapped')
  place.onSignIn(claim.sid, record, claim.via)
  return {
    open: { sid: claim.sid, session: toSession(sessionHandle(claim.sid), record) },
    cookies: [newSessionCookie(place, claim.sid), dropClaim(place)],
  }
}
