import { en, type Texts } from './en.ts'
import { zhHans } from './zh-hans.ts'
import { zhHant } from './zh-hant.ts'

/** The languages by their tags (BCP 47), the fallback first. */
export const LANGUAGES: { readonly en: Texts; readonly 'zh-Hans': Texts; readonly 'zh-Hant': Texts } = {
  en,
  'zh-Hans': zhHans,
  'zh-Hant': zhHant,
}

/** The tag of a language. */
export type Language = keyof typeof LANGUAGES

/** Whether a value from outside is the tag of a language. */
export function isLanguage(value: unknown): value is Language {
  return typeof value === 'string' && Object.hasOwn(LANGUAGES, value)
}

// Regions that write Chinese in the traditional way; all others write the simplified one.
const SPOKEN: Record<string, Language> = {
  'zh-TW': 'zh-Hant',
  'zh-HK': 'zh-Hant',
  'zh-MO': 'zh-Hant',
  'zh-Hant': 'zh-Hant',
  zh: 'zh-Hans',
  'zh-CN': 'zh-Hans',
  'zh-SG': 'zh-Hans',
  'zh-Hans': 'zh-Hans',
  en: 'en',
}

/** The language for who prefers these tags (most wanted first, as `Accept-Language` orders them). */
export function languageFor(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const parts = tag.split('-')
    for (let length = parts.length; length > 0; length--) {
      const known = SPOKEN[parts.slice(0, length).join('-')]
      if (known !== undefined) return known
    }
  }
  return 'en'
}
