import { CarnetError, requestOrigin } from '@carnet/protocol'
import { dropClaim, hasClaim } from '../claim.ts'
import { type AgentRequest, type Answer, json, jsonRefusal } from '../exchange.ts'
import type { Place } from '../place.ts'
import type { Session } from '../session.ts'
import { checkSession } from '../session-check.ts'
import { swapClaim } from '../swap.ts'

/** `GET /api/session`: who is signed in here, for the site's own scripts. */
export async function session(place: Place, request: AgentRequest): Promise<Answer> {
  const open = await checkSession(place, request)
  if (hasClaim(place, request) && requestOrigin(request.headers, place.ownOrigins) === 'same') {
    const swapped = await swapClaim(place, request, open)
    const now = swapped.open ?? open
    if (now !== null) return signedIn(now.session, swapped.cookies)
    const refusal = signedOut()
    return { ...refusal, cookies: [dropClaim(place)] }
  }
  return open === null ? signedOut() : signedIn(open.session, [])
}

function signedIn(session: Session, cookies: readonly string[]): Answer {
  const { user, startedAt, authenticatedAt, expiresAt } = session
  return json({ user, session: { startedAt, authenticatedAt, expiresAt } }, 'signed in', cookies)
}

function signedOut(): Answer {
  return jsonRefusal(new CarnetError('signed_out', 'Nobody is signed in.'))
}
