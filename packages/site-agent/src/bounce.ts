import { CarnetError, returnTarget, serializeCookie, soleCookie } from '@carnet/protocol'
import { type AgentRequest, type Answer, cookieHeader, redirect } from './exchange.ts'
import { newNonce } from './nonce.ts'
import type { Place } from './place.ts'
import { refusalPage } from './refusal-page.ts'
import type { Texts } from './texts/en.ts'
import { textsFor } from './texts/languages.ts'

/** How a bounce is to go. */
export interface Bounce {
  /** Where it comes back to: a path of this site. */
  readonly returnPath: string
  /** True: ask nothing of the person; who is signed out comes straight back. */
  readonly silent?: boolean
  /** Seconds: a password given longer ago must be given again. */
  readonly maxAge?: number
  /** True for the one fresh try after a refused return. */
  readonly retry?: boolean
  /** True where the person did not ask for it by a click. */
  readonly automatic?: boolean
}

const COUNTED_FOR_S = 20
const MOST_IN_A_ROW = 4
const SILENCE_S = 300

/** Sends a browser to the auth service and back. */
export function startBounce(place: Place, request: AgentRequest, bounce: Bounce): Answer {
  const cookies: string[] = []
  if (bounce.silent === true) {
    const state = silentState(place, request)
    if (state === 'asked' || state === 'declined') return redirect(303, place.origin + bounce.returnPath)
    cookies.push(silentCookie(place, 'asked'))
  }
  if (bounce.automatic === true) {
    // A browser that comes back signed in and is signed out again on the next page would go round for ever.
    if (bouncesOf(place, request) >= MOST_IN_A_ROW) return loopPage(place, request, bounce.returnPath)
  }
  const { retry = false, silent = false } = bounce
  const nonce = newNonce(place, request, 'bounce', bounce.returnPath, { retry, silent })
  const query = new URLSearchParams({ site: place.site.id, state: nonce.state })
  if (bounce.silent === true) query.set('prompt', 'none')
  if (bounce.maxAge !== undefined) query.set('max_age', String(bounce.maxAge))
  if (place.origin !== place.site.origin) query.set('origin', place.origin)
  return redirect(303, `${place.current.auth}/authorize?${query}`, [...nonce.cookies, ...cookies])
}

/** The path within this site that a `return_to` names, or its home. */
export function returnPathOf(place: Place, value: string | undefined): string {
  const target = returnTarget(value, place.origin, [place.origin])
  return target === null ? '/' : target.pathname + target.search + target.hash
}

/** The path and query of this very request, however long: the limit is for what others hand us. */
export function ownPath(place: Place, request: AgentRequest): string {
  const target = returnTarget(request.target, place.origin, [place.origin], Number.POSITIVE_INFINITY)
  return target === null ? '/' : target.pathname + target.search
}

/**
 * Where the silent bounce stands in a browser. `ready`: it keeps cookies and may be asked about. `asked`: it was, and is
 * left alone for 5 minutes. `declined`: so it is, since the person would not go on to this site.
 */
export type SilentState = 'ready' | 'asked' | 'declined'

/** Where it stands in this browser: `null` is one that has sent back no agent cookie yet. */
export function silentState(place: Place, request: AgentRequest): SilentState | null {
  const value = soleCookie(cookieHeader(request), place.names.silent)
  return value === 'ready' || value === 'asked' || value === 'declined' ? value : null
}

/** The cookie that says so. */
export function silentCookie(place: Place, state: SilentState): string {
  return lax(place, place.names.silent, state, state === 'ready' ? undefined : SILENCE_S)
}

/** Counts a bounce that ended signed in; several in a row mean that the sign-in does not stay. */
export function countBounce(place: Place, request: AgentRequest): string {
  return lax(place, place.names.bounces, String(bouncesOf(place, request) + 1), COUNTED_FOR_S)
}

function bouncesOf(place: Place, request: AgentRequest): number {
  return Number(soleCookie(cookieHeader(request), place.names.bounces) ?? 0) || 0
}

/** Ends the count of bounces in a row. */
export function dropBounces(place: Place): string {
  return lax(place, place.names.bounces, '', 0)
}

/** The link by which a person starts over. */
export function tryAgain({ signInAgain }: Texts, returnPath: string): { label: string; href: string } {
  return {
    label: signInAgain,
    href: `/api/signin?${new URLSearchParams({ return_to: returnPath })}`,
  }
}

function loopPage(place: Place, request: AgentRequest, returnPath: string): Answer {
  const texts = textsFor(request)
  return refusalPage(place, new CarnetError('signed_out', 'The sign-in does not stay.'), {
    language: texts.tag,
    title: texts.loop.title,
    text: texts.loop.text(place.site.name),
    on: tryAgain(texts, returnPath),
    cookies: [dropBounces(place)],
  })
}

function lax(place: Place, name: string, value: string, maxAge?: number): string {
  return serializeCookie({
    name,
    value,
    sameSite: 'Lax',
    secure: place.names.secure,
    ...(maxAge === undefined ? {} : { maxAge }),
  })
}
