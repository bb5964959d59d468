import { randomBytes } from 'node:crypto'
import type { CarnetError } from '@carnet/protocol'
import { type Answer, answer, refusalHeaders } from './exchange.ts'
import type { Place } from './place.ts'

/** What a person may do about it. */
export interface WayOn {
  readonly label: string
  readonly href: string
}

/** A page that tells a person why the sign-in at this site did not work, and what to do. */
export function refusalPage(
  place: Place,
  error: CarnetError,
  page: { language: string; title: string; text: string; on: WayOn; cookies?: readonly string[] },
): Answer {
  const { brand } = place.current
  const nonce = randomBytes(16).toString('base64')
  const body = `<!doctype html>
<html lang="${page.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(page.title)}</title>
<style nonce="${nonce}">
:root { color-scheme: light dark; --accent: ${brand.accent}; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 32rem; padding: 2rem 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
p { margin: 0 0 1.25rem; }
a { display: inline-block; padding: .625rem 1.25rem; border: 2px solid var(--accent); border-radius: .5rem; color: inherit; text-decoration: none; font-weight: 600; }
a:hover { background: color-mix(in oklab, var(--accent) 15%, transparent); }
a:focus-visible { outline: 3px solid CanvasText; outline-offset: 2px; }
small { display: block; margin-top: 2rem; opacity: .7; }
small a { display: inline; padding: 0; border: 0; border-radius: 0; text-decoration: underline; font-weight: inherit; }
small a:hover { background: none; }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(page.title)}</h1>
<p>${escapeHtml(page.text)}</p>
<a href="${escapeHtml(page.on.href)}">${escapeHtml(page.on.label)}</a>
<small>${escapeHtml(place.site.name)} · <a href="${escapeHtml(`${place.current.auth}/help#${error.code}`)}">${escapeHtml(error.code)}</a></small>
</main>
</body>
</html>
`
  return answer(error.status, 'text/html; charset=utf-8', body, {
    headers: {
      ...refusalHeaders(error),
      'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    },
    cookies: page.cookies ?? [],
  })
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}
