import { createHash } from 'node:crypto'
import {
  answers,
  CarnetError,
  dataOf,
  type ErrorCode,
  type HttpAnswer,
  hasJsonBody,
  redeemTicket,
  requestOrigin,
  revokeSession,
  type SiteSignedIn,
  type SiteSignIn,
  STATUS_BY_CODE,
  serializeCookie,
  sessionHandle,
  soleCookie,
  verifiedSids,
  wantsJson,
} from '@carnet/protocol'
import { nanoid } from 'nanoid'
import { returnPathOf } from '../bounce.ts'
import { dropClaim, hasClaim } from '../claim.ts'
import { type AgentRequest, type Answer, cookieHeader, json, redirect } from '../exchange.ts'
import { handoverCookie } from '../handover-cookie.ts'
import { clientAt, type Place } from '../place.ts'
import { newSessionCookie } from '../session-check.ts'

// A hash is waited for, and others before it.
const ANSWERS_WITHIN_MS = 20_000
const DEVICE_LIFE_S = 365 * 86_400

/**
 * `POST /api/signin` `email,password,remember,return_to`: signs in by a form of the site's own, where its `signInForm`
 * says so. The auth service judges, with its own limits; the ticket that it gives is redeemed here at once.
 */
export async function signIn(place: Place, request: AgentRequest): Promise<Answer> {
  if (!place.site.signInForm) throw new CarnetError('forbidden', 'This site takes no passwords.')
  const { headers } = request
  const from = requestOrigin(headers, place.ownOrigins)
  if (from !== 'same' && !(from === 'unknown' && hasJsonBody(headers))) {
    throw new CarnetError('csrf', 'This request did not start on a page of this site.')
  }
  const isProgram = wantsJson(headers) || hasJsonBody(headers)
  try {
    const { ticket, fanOut, next, cookies } = await enter(place, request)
    if (isProgram) return json({ ticket, fanOut, next }, 'signin success', cookies)
    return redirect(303, next, cookies)
  } catch (error) {
    const back = isProgram || !(error instanceof CarnetError) ? null : backToForm(place, request, error)
    if (back === null) throw error
    return back
  }
}

async function enter(
  place: Place,
  request: AgentRequest,
): Promise<Pick<SiteSignedIn, 'ticket' | 'fanOut' | 'next'> & { cookies: string[] }> {
  const client = clientAt(place, request)
  const state = createHash('sha256').update(nanoid(32)).digest('base64url')
  const body: SiteSignIn = {
    fields: (await request.fields?.()) ?? {},
    state,
    origin: place.origin,
    client,
    userAgentHeader: String(request.headers['user-agent'] ?? '').slice(0, 1_024),
    device: soleCookie(cookieHeader(request), place.names.device),
  }
  const language = request.headers['accept-language']
  const answer = await place.authService().ask('POST', '/v1/signin', body, {
    within: ANSWERS_WITHIN_MS,
    headers: typeof language === 'string' ? { 'accept-language': language } : {},
  })
  if (answer.error !== null) throw refusalOf(answer)
  const { ownTicket, device, ...given } = dataOf(answer, answers.signedIn)
  const { sid, session } = await redeemTicket(place.store, ownTicket, {
    site: place.site.id,
    client,
    binding: place.current.ticket.binding,
    state,
    acceptsPushed: false,
  })
  await endPrevious(place, request, sid)
  place.log.info({ site: place.site.id, via: 'form' }, 'ticket_redeemed')
  place.onSignIn(sid, session, 'form')
  const cookies = [
    newSessionCookie(place, sid),
    handoverCookie(place, sid),
    deviceCookie(place, device),
    ...(hasClaim(place, request) ? [dropClaim(place)] : []),
  ]
  return { ...given, cookies }
}

/** What this browser had before is over; should that fail, it ends by itself. */
async function endPrevious(place: Place, request: AgentRequest, sid: string): Promise<void> {
  const held = verifiedSids(place.signer, cookieHeader(request), place.names.session)
  for (const previous of held.filter(each => each !== sid)) {
    place.cache.forget(sessionHandle(previous))
    await revokeSession(place.store, previous, { remember: place.current.session.remember }).catch(error =>
      place.log.warn({ site: place.site.id, err: error as Error }, 'old_session_not_ended'),
    )
  }
}

/** By which the auth service knows the browser at the next sign-in here; it signs nobody in. */
function deviceCookie({ names }: Place, value: string): string {
  return serializeCookie({
    name: names.device,
    value,
    sameSite: 'Lax',
    secure: names.secure,
    maxAge: DEVICE_LIFE_S,
  })
}

function refusalOf({ error, body, retryAfter }: HttpAnswer): CarnetError {
  const code = Object.hasOwn(STATUS_BY_CODE, error ?? '') ? (error as ErrorCode) : 'internal'
  const { message, fields } = body as { message?: unknown; fields?: unknown }
  const told = Object.entries((typeof fields === 'object' && fields) || {}).map(([name, text]) => [
    name,
    String(text),
  ])
  return new CarnetError(code, typeof message === 'string' ? message : 'The sign-in was refused.', {
    localized: true,
    ...(told.length > 0 && { fields: Object.fromEntries(told) }),
    ...(retryAfter !== null && { retryAfter }),
  })
}

/** Back to the page of the form, which reads what was wrong from `carnet_error`; null for what it could not mend. */
function backToForm(place: Place, request: AgentRequest, { code }: CarnetError): Answer | null {
  if (code !== 'invalid_credentials' && code !== 'invalid_input') return null
  const { referer } = request.headers
  const page = new URL(returnPathOf(place, typeof referer === 'string' ? referer : undefined), place.origin)
  page.searchParams.set('carnet_error', code)
  return redirect(303, page.href)
}
