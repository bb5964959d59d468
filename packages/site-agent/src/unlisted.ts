import { CarnetError, isSpeculative } from '@carnet/protocol'
import { ownPath } from './bounce.ts'
import { type AgentRequest, type Answer, isNavigation, jsonRefusal } from './exchange.ts'
import type { Place } from './place.ts'
import { refusalPage } from './refusal-page.ts'
import { textsFor } from './texts/languages.ts'

const MESSAGE = 'This site is not among those that the sign-in is open for.'

/** The refusal of the agent's own routes, at a site that is not in the manifest in force. */
export function unknownSite(): CarnetError {
  return new CarnetError('unknown_site', MESSAGE)
}

/** The page that says so. */
export function unlistedPage(place: Place, request: AgentRequest): Answer {
  const texts = textsFor(request)
  return refusalPage(place, unknownSite(), {
    language: texts.tag,
    ...texts.unlisted,
    on: { label: texts.tryAgain, href: ownPath(place, request) },
  })
}

/** What needs a session there: nobody is signed in, and no bounce would come back. */
export function refuseUnlisted(place: Place, request: AgentRequest): Answer {
  if (isNavigation(request) && !isSpeculative(request.headers)) return unlistedPage(place, request)
  return jsonRefusal(new CarnetError('signed_out', MESSAGE))
}
