import { CarnetError, isFresh, isSpeculative, parseDuration } from '@carnet/protocol'
import { ownPath, returnPathOf, silentCookie, silentState, startBounce, tryAgain } from './bounce.ts'
import { type AgentRequest, type Answer, isNavigation, jsonRefusal } from './exchange.ts'
import type { Place } from './place.ts'
import { refusalPage } from './refusal-page.ts'
import type { Session } from './session.ts'
import { textsFor } from './texts/languages.ts'

/** What a page asks for beyond a session. */
export interface Required {
  /** A confirmed e-mail address. */
  verified?: boolean
  /** A role that the user must have. */
  role?: string
  /**
   * A password given longer ago is asked for again: a duration such as `10m`, or a number of seconds. Less than 10 s
   * counts as 10 s, the time of a way back. Being remembered is no password.
   */
  maxAge?: string | number
}

// What AUTH takes as a number of seconds.
const LONGEST_AGE_S = 99_999_999

/** The same, with `maxAge` in seconds. */
export type CheckedRequired = Omit<Required, 'maxAge'> & { maxAge?: number }

/** Checks what a page asks for. Throws a `TypeError` for a `maxAge` that is no time. */
export function checkRequired(what: Required): CheckedRequired {
  const { maxAge } = what
  // Asked at every request of a page: what is right already stays as it is.
  if (maxAge === undefined) return what as CheckedRequired
  const seconds = typeof maxAge === 'string' ? Math.ceil(parseDuration(maxAge) / 1000) : maxAge
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > LONGEST_AGE_S) {
    throw new TypeError(
      `\`maxAge\` must be a duration such as 10m, or a whole number of seconds, not ${String(maxAge)}.`,
    )
  }
  return { ...what, maxAge: seconds }
}

/** The answer to who may not pass, or null to who may. */
export function judgeRequired(
  place: Place,
  request: AgentRequest,
  session: Session | null,
  { verified = false, role, maxAge }: CheckedRequired,
): Answer | null {
  if (session === null) return signInFirst(place, request)
  if (maxAge !== undefined && !isFresh(session, maxAge, place.store.now())) {
    return signInFirst(place, request, maxAge)
  }
  if (verified && !session.user.emailVerified) {
    return unverified(place, request, session)
  }
  if (role !== undefined && !session.user.roles.includes(role)) {
    return refuse(place, request, new CarnetError('forbidden', 'Your account may not open this.'))
  }
  return null
}

/** The answer where nobody can say who visits, as while the store is away: nothing is decided, no cookie touched. */
export function sessionUnknown(place: Place, request: AgentRequest, error: CarnetError): Answer {
  if (!isNavigation(request)) return jsonRefusal(error)
  const texts = textsFor(request)
  return refusalPage(place, error, {
    language: texts.tag,
    ...texts.unknown,
    on: { label: texts.tryAgain, href: ownPath(place, request) },
  })
}

function signInFirst(place: Place, request: AgentRequest, maxAge?: number): Answer {
  if (!isNavigation(request) || isSpeculative(request.headers)) {
    const message = maxAge === undefined ? 'Sign in first.' : 'Give your password again first.'
    return jsonRefusal(new CarnetError('signed_out', message))
  }
  const returnPath = pageOf(place, request)
  // At once again, and to say no would lead nowhere but to the same question.
  if (silentState(place, request) === 'declined') return declined(place, request, returnPath)
  return startBounce(place, request, {
    returnPath,
    automatic: true,
    ...(maxAge === undefined ? {} : { maxAge }),
  })
}

function declined(place: Place, request: AgentRequest, returnPath: string): Answer {
  const texts = textsFor(request)
  return refusalPage(place, new CarnetError('signed_out', 'Sign in first.'), {
    language: texts.tag,
    title: texts.declined.title(place.site.name),
    text: texts.declined.text,
    on: { ...tryAgain(texts, returnPath), label: texts.declined.button },
    cookies: [silentCookie(place, 'asked')],
  })
}

function refuse(place: Place, request: AgentRequest, error: CarnetError): Answer {
  if (!isNavigation(request)) return jsonRefusal(error)
  const texts = textsFor(request)
  return refusalPage(place, error, {
    language: texts.tag,
    ...texts.forbidden,
    on: { label: texts.back(place.site.name), href: '/' },
  })
}

/** With the way to another mail: by `resendUrl` in JSON, and by the button of the page. */
function unverified(place: Place, request: AgentRequest, { user }: Session): Answer {
  const resendUrl = `${place.current.auth}/verify-email?${new URLSearchParams({ site: place.site.id })}`
  const error = new CarnetError('email_unverified', 'Confirm your e-mail address first.')
  if (!isNavigation(request)) return jsonRefusal(error, { resendUrl })
  const texts = textsFor(request)
  return refusalPage(place, error, {
    language: texts.tag,
    title: texts.unverified.title,
    text: texts.unverified.text(user.email),
    on: { label: texts.unverified.button, href: resendUrl },
  })
}

/** The page to come back to. What a form sent cannot be sent again, so the form's own page is it. */
function pageOf(place: Place, request: AgentRequest): string {
  if (request.method === 'GET' || request.method === 'HEAD') return ownPath(place, request)
  const referer = request.headers['referer']
  return returnPathOf(place, typeof referer === 'string' ? referer : undefined)
}
