import { type Language, languageFor } from '@carnet/protocol'
import type { AgentRequest } from '../exchange.ts'
import { en, type Texts } from './en.ts'
import { zhHans } from './zh-hans.ts'
import { zhHant } from './zh-hant.ts'

/** The languages by their tags. */
export const LANGUAGES: Readonly<Record<Language, Texts>> = { en, 'zh-Hans': zhHans, 'zh-Hant': zhHant }

/** The texts in the language that a request prefers. */
export function textsFor(request: AgentRequest): Texts {
  return LANGUAGES[languageFor(request.headers['accept-language'])]
}
