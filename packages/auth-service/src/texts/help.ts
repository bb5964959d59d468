import type { Language } from '@carnet/protocol'
import { type Help, helpEn } from './help-en.ts'
import { helpZhHans } from './help-zh-hans.ts'
import { helpZhHant } from './help-zh-hant.ts'

/** What each code means, by the languages' tags. */
export const HELP: Readonly<Record<Language, Help>> = {
  en: helpEn,
  'zh-Hans': helpZhHans,
  'zh-Hant': helpZhHant,
}
