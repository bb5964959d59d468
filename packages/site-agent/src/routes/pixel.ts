import { CarnetError, isSpeculative, redeemTicket } from '@carnet/protocol'
import { newClaim } from '../claim.ts'
import { type AgentRequest, type Answer, answer, queryOf, redirect, refusalHeaders } from '../exchange.ts'
import { dropNonce, newNonce, provenNonce } from '../nonce.ts'
import { clientAt, type Place } from '../place.ts'
import { reportRefusal } from '../reports.ts'
import { checkSession } from '../session-check.ts'

// A transparent image of one pixel.
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

/** `GET /api/auth.gif`: begins a pull, ends one, or redeems a ticket into a claim. */
export async function pixel(place: Place, request: AgentRequest): Promise<Answer> {
  if (isSpeculative(request.headers)) throw new CarnetError('forbidden', 'Nothing is spent on speculation.')
  const query = queryOf(request.target)
  if (query.size === 0 && place.site.fanOut === 'pull') return beginPull(place, request)
  if (query.has('error')) throw new CarnetError('signed_out', 'Nobody is signed in.')
  try {
    return await redeem(place, request, query.get('ticket') ?? '', query.get('state') ?? '')
  } catch (error) {
    reportRefusal(place, request, error)
    throw error
  }
}

/** A refusal of the pixel: no body, no cookie. */
export function pixelRefusal(error: CarnetError): Answer {
  return answer(error.status, '', '', { headers: refusalHeaders(error) })
}

function beginPull(place: Place, request: AgentRequest): Answer {
  if (isBlocked(request)) throw blocked()
  const { state, cookies } = newNonce(place, request, 'pull', '/')
  const query = new URLSearchParams({ site: place.site.id, state, mode: 'pixel' })
  return redirect(302, `${place.current.auth}/authorize?${query}`, cookies)
}

async function redeem(place: Place, request: AgentRequest, ticket: string, state: string): Promise<Answer> {
  if (ticket === '') throw new CarnetError('ticket_missing', 'There is no ticket.')
  const proven = state !== '' && provenNonce(place, request, 'pull', state) !== null
  const { sid, session, nonceBound, remark } = await redeemTicket(place.store, ticket, {
    site: place.site.id,
    client: clientAt(place, request),
    binding: place.current.ticket.binding,
    state: proven ? state : null,
    acceptsPushed: place.site.fanOut === 'push',
  })
  // Judged after the burn, like all the rest: a ticket shown in a wrong way is spent.
  const { 'sec-fetch-dest': dest = 'image', 'sec-fetch-mode': mode } = request.headers
  if (dest !== 'image' || mode === 'navigate') {
    throw new CarnetError('ticket_wrong_client', 'This way in is for images only.')
  }
  if (isBlocked(request)) throw blocked()
  const via = nonceBound ? 'pull' : 'push'
  if (via === 'push') await refuseOtherUser(place, request, session.user.id)
  place.log.info({ site: place.site.id, via, remark }, 'ticket_redeemed')
  const cookies = [
    newClaim(place, sid, session, via),
    ...(nonceBound ? [dropNonce(place, 'pull', state)] : []),
  ]
  return answer(200, 'image/gif', GIF, { cookies })
}

/** Nothing proves that a pushed ticket was meant for this browser, so it must not take a live session's place. */
async function refuseOtherUser(place: Place, request: AgentRequest, userId: string): Promise<void> {
  const live = await checkSession(place, request)
  if (live !== null && live.session.user.id !== userId) {
    throw new CarnetError('other_user', 'Another user is signed in here.')
  }
}

/** Whether the browser says that a third-party cookie would not stay. */
function isBlocked(request: AgentRequest): boolean {
  return request.headers['sec-fetch-storage-access'] === 'none'
}

function blocked(): CarnetError {
  return new CarnetError('pixel_blocked', 'The browser keeps no third-party cookie.')
}
