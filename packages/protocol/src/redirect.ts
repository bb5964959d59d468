const LONGEST = 2_048

/**
 * The URL that a `return_to` names, if it is allowed: parsed once by the WHATWG parser against `base`, then judged by
 * scheme and exact origin. Null for everything else, and for more than `longest` characters; never throws.
 */
export function returnTarget(
  value: unknown,
  base: string,
  allowed: readonly string[],
  longest: number = LONGEST,
): URL | null {
  if (typeof value !== 'string' || value === '' || value.length > longest) return null
  if (!URL.canParse(value, base)) return null
  const url = new URL(value, base)
  // `blob:https://shop.example/…` has the origin of the shop, but is no page of it.
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null
  if (url.username !== '' || url.password !== '') return null
  if (!allowed.includes(url.origin)) return null
  // `/..//evil.com` becomes the path `//evil.com`, which is another host to whoever reads it as a reference again.
  if (url.pathname.startsWith('//')) return null
  return url
}
