import { isSpeculative } from '@carnet/protocol'
import { ownPath, silentCookie, silentState, startBounce } from './bounce.ts'
import { hasClaim } from './claim.ts'
import { type AgentRequest, type Answer, isNavigation, redirect, toRefusal } from './exchange.ts'
import { LONGEST_PATH } from './nonce.ts'
import type { Place } from './place.ts'
import { judgeRequired, type Required, sessionUnknown } from './required.ts'
import { checkSession, type OpenSession, type Session, toSession } from './session-check.ts'
import { swapClaim } from './swap.ts'

/** Who visits a page that is not the agent's own. */
export interface Visit {
  /** Null for who is not signed in, and while the store does not answer. */
  readonly session: Session | null
  /** `Set-Cookie` headers for the answer, whoever makes it. */
  readonly cookies: readonly string[]
  /** The answer to who may not pass, or null to who may. */
  require(what?: Required): Answer | null
}

/** Either an answer to send as it is, or a visit to go on with. */
export type Outcome = { readonly answer: Answer } | { readonly answer: null; readonly visit: Visit }

/** Reads who visits: swaps a claim, checks the session, tries a silent bounce where the site asks for it. */
export async function visit(place: Place, request: AgentRequest): Promise<Outcome> {
  let open: OpenSession | null = null
  const cookies: string[] = []
  try {
    open = await checkSession(place, request)
    if (hasClaim(place, request) && isGetNavigation(request)) {
      const swapped = await swapClaim(place, request, open)
      if (swapped.open !== null)
        return { answer: redirect(303, place.origin + ownPath(place, request), swapped.cookies) }
      cookies.push(...swapped.cookies)
    }
  } catch (thrown) {
    const error = toRefusal(thrown)
    place.log.warn({ site: place.site.id, code: error.code, err: error }, 'session_unknown')
    return goOn(null, [], () => sessionUnknown(place, request, error))
  }
  if (open === null && place.site.silent && isGetNavigation(request) && isDocument(request)) {
    const state = silentState(place, request)
    const returnPath = ownPath(place, request)
    // A page that is open to all must come back as it was, so an address that no cookie can keep is left alone.
    if (state === 'ready' && returnPath.length <= LONGEST_PATH) {
      return { answer: startBounce(place, request, { returnPath, silent: true, automatic: true }) }
    }
    // Only a browser that sends this back is asked about: a client that keeps no cookies is left alone.
    if (state === null) cookies.push(silentCookie(place, 'ready'))
  }
  const session = open === null ? null : toSession(open)
  return goOn(session, cookies, what => {
    try {
      return judgeRequired(place, request, session, what)
    } catch (error) {
      return sessionUnknown(place, request, toRefusal(error))
    }
  })
}

function goOn(
  session: Session | null,
  cookies: readonly string[],
  require: (what: Required) => Answer | null,
): Outcome {
  return { answer: null, visit: { session, cookies, require: (what = {}) => require(what) } }
}

function isGetNavigation(request: AgentRequest): boolean {
  return request.method === 'GET' && isNavigation(request) && !isSpeculative(request.headers)
}

function isDocument(request: AgentRequest): boolean {
  const dest = request.headers['sec-fetch-dest']
  return dest === undefined || dest === 'document'
}
