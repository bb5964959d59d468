import type { CarnetError } from '@carnet/protocol'
import { type AgentRequest, type Answer, isNavigation, jsonRefusal } from './exchange.ts'
import type { Place } from './place.ts'
import { refusalPage } from './refusal-page.ts'
import { textsFor } from './texts/languages.ts'
import { unlistedPage } from './unlisted.ts'

/** A sign-out may have come half way: nothing is said of what has changed. */
export function signOutRefusal(place: Place, error: CarnetError, request: AgentRequest): Answer {
  if (!isNavigation(request)) return jsonRefusal(error)
  if (error.status < 500) return personRefusal(place, error, request)
  const texts = textsFor(request)
  const on = { label: texts.back(place.site.name), href: '/' }
  return refusalPage(place, error, {
    language: texts.tag,
    title: texts.away.title,
    text: texts.away.signOut,
    on,
  })
}

/** What a person is told; a program's form gets JSON. */
export function personRefusal(place: Place, error: CarnetError, request: AgentRequest): Answer {
  if (request.method === 'POST' && !isNavigation(request)) return jsonRefusal(error)
  if (error.code === 'unknown_site') return unlistedPage(place, request)
  const texts = textsFor(request)
  const on = { label: texts.back(place.site.name), href: '/' }
  if (error.status >= 500) {
    const text = error.code === 'store_unavailable' ? texts.away.store : texts.away.other
    return refusalPage(place, error, { language: texts.tag, title: texts.away.title, text, on })
  }
  const { title } = request.method === 'POST' ? texts.other : texts.address
  return refusalPage(place, error, { language: texts.tag, title, text: error.message, on })
}
