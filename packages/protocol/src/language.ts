/** The tag of a language that pages are written in (BCP 47). */
export type Language = 'en' | 'zh-Hans' | 'zh-Hant'

// Regions that write Chinese in the traditional way; all others write the simplified one.
const SPOKEN: ReadonlyMap<string, Language> = new Map([
  ['zh-tw', 'zh-Hant'],
  ['zh-hk', 'zh-Hant'],
  ['zh-mo', 'zh-Hant'],
  ['zh-hant', 'zh-Hant'],
  ['zh', 'zh-Hans'],
  ['en', 'en'],
])

const MOST_TAGS = 32

/** The language for an `Accept-Language` header (RFC 9110 §12.5.4); English where it names none of ours. */
export function languageFor(header: string | string[] | undefined): Language {
  const wanted = String(header ?? '')
    .slice(0, 1_024)
    .split(',', MOST_TAGS)
    .map(entry => {
      const [tag = '', ...parameters] = entry.split(';').map(part => part.trim().toLowerCase())
      const quality = parameters.find(parameter => parameter.startsWith('q='))
      return { tag, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { tag } of wanted) {
    const parts = tag.split('-')
    for (let length = parts.length; length > 0; length--) {
      const known = SPOKEN.get(parts.slice(0, length).join('-'))
      if (known !== undefined) return known
    }
  }
  return 'en'
}
