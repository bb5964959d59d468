import { isSpeculative } from '@carnet/protocol'
import { ownPath, silentCookie, silentState, startBounce } from './bounce.ts'
import { hasClaim } from './claim.ts'
import { type AgentRequest, type Answer, isNavigation, redirect, toRefusal } from './exchange.ts'
import { LONGEST_PATH } from './nonce.ts'
import type { Place } from './place.ts'
import { checkRequired, judgeRequired, type Required, sessionUnknown } from './required.ts'
import type { Session } from './session.ts'
import type { OpenSession } from './session-cache.ts'
import { checkSession } from './session-check.ts'
import { swapClaim } from './swap.ts'
import { refuseUnlisted } from './unlisted.ts'

/** Who visits a page that is not the agent's own. */
export interface Visit {
  /** Null for who is not signed in, and while the store does not answer. */
  readonly session: Session | null
  /** `Set-Cookie` headers for the answer, whoever makes it. */
  readonly cookies: readonly string[]
  /** The answer to who may not pass, or null to who may. Throws a `TypeError` for a `maxAge` that is no time. */
  require(what?: Required): Answer | null
}

/** Either an answer to send as it is, or a visit to go on with. */
export type Outcome = { readonly answer: Answer } | { readonly answer: null; readonly visit: Visit }

const NO_COOKIES: readonly string[] = []

/** Reads who visits: swaps a claim, checks the session, tries a silent bounce where the site asks for it. At once, where nothing has to be asked. */
export function visit(place: Place, request: AgentRequest): Outcome | Promise<Outcome> {
  if (!place.listed) return visitUnlisted(place, request)
  const checked = checkSession(place, request)
  if (checked instanceof Promise || hasClaim(place, request)) return visitLater(place, request, checked)
  return conclude(place, request, checked, NO_COOKIES)
}

/** Its cookies stay as they are: they hold again where the site comes back in time. */
function visitUnlisted(place: Place, request: AgentRequest): Outcome {
  const require = (what: Required = {}) => {
    checkRequired(what)
    return refuseUnlisted(place, request)
  }
  return { answer: null, visit: { session: null, cookies: NO_COOKIES, require } }
}

async function visitLater(
  place: Place,
  request: AgentRequest,
  checked: OpenSession | null | Promise<OpenSession | null>,
): Promise<Outcome> {
  try {
    const open = await checked
    if (!hasClaim(place, request) || !isGetNavigation(request))
      return conclude(place, request, open, NO_COOKIES)
    const swapped = await swapClaim(place, request, open)
    if (swapped.open === null) return conclude(place, request, open, swapped.cookies)
    return { answer: redirect(303, place.origin + ownPath(place, request), swapped.cookies) }
  } catch (thrown) {
    const error = toRefusal(thrown)
    // One for each request while the store is away: no more than what it says.
    const why = error.cause instanceof Error ? error.cause.message : error.message
    place.log.warn({ site: place.site.id, code: error.code, reason: why }, 'session_unknown')
    const require = () => sessionUnknown(place, request, error)
    return { answer: null, visit: { session: null, cookies: NO_COOKIES, require } }
  }
}

function conclude(
  place: Place,
  request: AgentRequest,
  open: OpenSession | null,
  cookies: readonly string[],
): Outcome {
  if (open === null && place.site.silent && isGetNavigation(request) && isDocument(request)) {
    const state = silentState(place, request)
    const returnPath = ownPath(place, request)
    // A page that is open to all must come back as it was, so an address that no cookie can keep is left alone.
    if (state === 'ready' && returnPath.length <= LONGEST_PATH) {
      return { answer: startBounce(place, request, { returnPath, silent: true, automatic: true }) }
    }
    // Only a browser that sends this back is asked about: a client that keeps no cookies is left alone.
    if (state === null) return goOn(place, request, null, [...cookies, silentCookie(place, 'ready')])
  }
  return goOn(place, request, open?.session ?? null, cookies)
}

function goOn(
  place: Place,
  request: AgentRequest,
  session: Session | null,
  cookies: readonly string[],
): Outcome {
  return {
    answer: null,
    visit: {
      session,
      cookies,
      require(what = {}) {
        const asked = checkRequired(what)
        try {
          return judgeRequired(place, request, session, asked)
        } catch (error) {
          return sessionUnknown(place, request, toRefusal(error))
        }
      },
    },
  }
}

function isGetNavigation(request: AgentRequest): boolean {
  return request.method === 'GET' && isNavigation(request) && !isSpeculative(request.headers)
}

function isDocument(request: AgentRequest): boolean {
  const dest = request.headers['sec-fetch-dest']
  return dest === undefined || dest === 'document'
}
