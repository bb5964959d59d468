import {
  CarnetError,
  hasJsonBody,
  requestOrigin,
  revokeSession,
  sessionHandle,
  verifiedSids,
  wantsJson,
} from '@carnet/protocol'
import { dropClaim } from '../claim.ts'
import { type AgentRequest, type Answer, cookieHeader, json, redirect } from '../exchange.ts'
import type { Place } from '../place.ts'
import { reportSignOut } from '../reports.ts'
import { dropSessionCookie } from '../session-check.ts'

/** `POST /api/signout`: ends the session at every site, and says so only once the store has confirmed it. */
export async function signOut(place: Place, request: AgentRequest): Promise<Answer> {
  const { headers } = request
  const from = requestOrigin(headers, place.ownOrigins)
  if (from !== 'same' && !(from === 'unknown' && hasJsonBody(headers))) {
    throw new CarnetError('csrf', 'This request did not start on a page of this site.')
  }
  for (const sid of verifiedSids(place.signer, cookieHeader(request), place.names.session)) {
    const ended = await revokeSession(place.store, sid, { remember: place.current.session.remember })
    // Others hear of it in a moment; here it counts from now on.
    place.cache.forget(sessionHandle(sid))
    place.log.info({ site: place.site.id, ended }, 'session_revoked')
    reportSignOut(place, request, sid)
  }
  const cookies = [dropSessionCookie(place), dropClaim(place)]
  if (wantsJson(headers) || hasJsonBody(headers)) return json({}, 'signout success', cookies)
  return redirect(303, `${place.origin}/`, cookies)
}
