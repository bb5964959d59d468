import { CarnetError, isSpeculative, redeemTicket } from '@carnet/protocol'
import {
  countBounce,
  dropBounces,
  returnPathOf,
  silentCookie,
  silentState,
  startBounce,
  tryAgain,
} from '../bounce.ts'
import { dropClaim, hasClaim } from '../claim.ts'
import { type AgentRequest, type Answer, cookieHeader, isNavigation, queryOf, redirect } from '../exchange.ts'
import { dropNonce, isRetry, provenNonce } from '../nonce.ts'
import { clientAt, type Place } from '../place.ts'
import { refusalPage } from '../refusal-page.ts'
import { reportRefusal } from '../reports.ts'
import { checkSession, newSessionCookie } from '../session-check.ts'
import { swapClaim } from '../swap.ts'
import { textsFor } from '../texts/languages.ts'

/** `GET /api/signin?return_to=&prompt=&max_age=`: begins a bounce. */
export async function begin(place: Place, request: AgentRequest): Promise<Answer> {
  refuseSpeculation(request)
  const query = queryOf(request.target)
  const returnPath = returnPathOf(place, query.get('return_to'))
  const maxAge = parseMaxAge(query.get('max_age'))
  if (maxAge === null) {
    const open = await checkSession(place, request)
    if (open === null && hasClaim(place, request) && isNavigation(request)) {
      const swapped = await swapClaim(place, request, open)
      if (swapped.open !== null) return redirect(303, place.origin + returnPath, swapped.cookies)
    }
    if (open !== null) return redirect(303, place.origin + returnPath)
  }
  return startBounce(place, request, {
    returnPath,
    silent: query.get('prompt') === 'none',
    ...(maxAge === null ? {} : { maxAge }),
  })
}

/** `GET /api/auth?ticket=&state=`: the way back. */
export async function callback(place: Place, request: AgentRequest): Promise<Answer> {
  refuseSpeculation(request)
  const query = queryOf(request.target)
  const state = query.get('state') ?? ''
  const kept = state === '' ? null : provenNonce(place, request, 'bounce', state)
  const returnPath = returnPathOf(place, kept?.returnPath)
  if (query.has('error')) {
    // Only a bounce of this browser's own may tell it to stop asking.
    if (kept === null) return redirect(303, place.origin + returnPath)
    const silence = silentCookie(place, kept.silent ? 'asked' : 'declined')
    return redirect(303, place.origin + returnPath, [dropNonce(place, 'bounce', state), silence])
  }
  try {
    return await redeem(place, request, query.get('ticket') ?? '', kept === null ? null : state, returnPath)
  } catch (error) {
    if (!(error instanceof CarnetError) || error.status >= 500) throw error
    place.log.warn({ site: place.site.id, code: error.code, via: 'bounce' }, 'ticket_refused')
    reportRefusal(place, request, error)
    if (!isRetry(state)) return startBounce(place, request, { returnPath, retry: true })
    return causePage(place, request, error, returnPath)
  }
}

async function redeem(
  place: Place,
  request: AgentRequest,
  ticket: string,
  state: string | null,
  returnPath: string,
): Promise<Answer> {
  if (ticket === '') throw new CarnetError('ticket_missing', 'There is no ticket.')
  const { sid, session, remark } = await redeemTicket(place.store, ticket, {
    site: place.site.id,
    client: clientAt(place, request),
    binding: place.current.ticket.binding,
    state,
    acceptsPushed: false,
  })
  place.log.info({ site: place.site.id, via: 'bounce', remark }, 'ticket_redeemed')
  place.onSignIn(sid, session, 'bounce')
  return redirect(303, place.origin + returnPath, [
    newSessionCookie(place, sid),
    countBounce(place, request),
    ...(silentState(place, request) === 'declined' ? [silentCookie(place, 'ready')] : []),
    ...(state === null ? [] : [dropNonce(place, 'bounce', state)]),
    ...(hasClaim(place, request) ? [dropClaim(place)] : []),
  ])
}

/** After the second refusal: a page that names the cause, and no further bounce. */
function causePage(place: Place, request: AgentRequest, error: CarnetError, returnPath: string): Answer {
  const keepsNoCookies =
    error.code === 'state_mismatch' && !cookieHeader(request)?.includes(place.names.nonce)
  const texts = textsFor(request)
  const { title, text } = keepsNoCookies ? texts.cookiesBlocked : texts[CAUSES[error.code] ?? 'other']
  const on = tryAgain(texts, returnPath)
  return refusalPage(place, error, { language: texts.tag, title, text, on, cookies: [dropBounces(place)] })
}

const CAUSES: Partial<
  Record<CarnetError['code'], 'ticketExpired' | 'sessionGone' | 'wrongClient' | 'wrongSite' | 'otherBrowser'>
> = {
  ticket_unknown: 'ticketExpired',
  session_gone: 'sessionGone',
  ticket_wrong_client: 'wrongClient',
  ticket_wrong_site: 'wrongSite',
  state_mismatch: 'otherBrowser',
}

/** Seconds of `max_age`, or null where none was asked for. Throws `invalid_input`. */
function parseMaxAge(value: string | undefined): number | null {
  if (value === undefined) return null
  if (!/^\d{1,8}$/.test(value)) {
    throw new CarnetError('invalid_input', '"max_age" must be a number of seconds.')
  }
  return Number(value)
}

function refuseSpeculation(request: AgentRequest): void {
  if (isSpeculative(request.headers)) throw new CarnetError('forbidden', 'Nothing is spent on speculation.')
}
