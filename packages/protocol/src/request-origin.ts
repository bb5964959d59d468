type Headers = Readonly<Record<string, string | string[] | undefined>>

/**
 * Where a request started, by the browser's own word: `same` on one of our origins, `foreign` elsewhere (a sibling
 * domain is elsewhere too), `unknown` where the browser says nothing, as programs and old browsers do.
 */
export function requestOrigin(
  headers: Headers,
  ownOrigins: readonly string[],
): 'same' | 'foreign' | 'unknown' {
  const site = headers['sec-fetch-site']
  if (site === 'same-origin') return 'same'
  if (site !== undefined && site !== 'none') return 'foreign'
  const origin = headers['origin']
  // A page under `no-referrer` sends `null`: that says nothing.
  if (origin === undefined || origin === 'null') return 'unknown'
  return typeof origin === 'string' && ownOrigins.includes(origin) ? 'same' : 'foreign'
}

/** Whether the body is declared as JSON, which no foreign page can send without asking first (CORS preflight). */
export function hasJsonBody(headers: Headers): boolean {
  return /^application\/json\s*(;|$)/i.test(String(headers['content-type'] ?? ''))
}

/** Whether the caller asks for JSON rather than a page. */
export function wantsJson(headers: Headers): boolean {
  const accept = String(headers['accept'] ?? '').toLowerCase()
  return /[/+]json/.test(accept) && !accept.includes('text/html')
}

/** Whether a browser loads this on speculation (`Sec-Purpose: prefetch`): nothing may be spent on it. */
export function isSpeculative(headers: Headers): boolean {
  return /\bprefetch\b/.test(String(headers['sec-purpose'] ?? headers['purpose'] ?? ''))
}
