import { randomBytes } from 'node:crypto'
import type { Session, Via } from '@carnet/site-agent'
import type { Look, Reserved } from './looks.ts'

/** What a demo page shows. */
export interface SitePage {
  readonly look: Look
  readonly page: 'home' | 'members' | 'verified'
  readonly session: Session | null
  /** How this browser was signed in here; null where nobody is, or before this process began. */
  readonly via: Via | null
  /** Links to the other sites. */
  readonly others: readonly { readonly name: string; readonly origin: string }[]
}

const PAGES = [
  { page: 'home', path: '/', label: 'Home' },
  { page: 'members', path: '/members', label: 'Members' },
  { page: 'verified', path: '/verified', label: 'Verified' },
] as const

const VIA: Record<Via, string> = {
  bounce:
    'A redirect to the sign-in service and back, which asked for no password where you had given it before.',
  pull: 'A pixel: the sign-in page loaded an image from here, this site fetched a ticket by a redirect, and your first visit swapped what the image left for a cookie.',
  form: 'A form of this site, which passed your password on to the sign-in service.',
  push: 'A pixel: the sign-in page loaded an image from here with a ticket in its address, and your first visit swapped what the image left for a cookie.',
}

/** A page of a demo site, with its Content-Security-Policy. */
export function sitePage({ look, page, session, via, others }: SitePage): { body: string; policy: string } {
  const nonce = randomBytes(16).toString('base64')
  const user = session?.user
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(page === 'home' ? look.title : `${look[page].title} · ${look.title}`)}</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${BASE}${look.style}</style>
</head>
<body>
<header>
<a class="name" href="/">${text(look.title)}</a>
<nav>${PAGES.map(({ page: to, path, label }) => `<a href="${path}"${to === page ? ' aria-current="page"' : ''}>${label}</a>`).join(' ')}</nav>
<div class="who">${
    user === undefined
      ? '<span id="state">Signed out</span> <a class="action" href="/api/signin?return_to=/">Sign in</a>'
      : `<span id="state">Signed in as ${text(user.name)}</span> <form method="post" action="/api/signout"><button class="action">Sign out everywhere</button></form>`
  }</div>
</header>
<main>
${page === 'home' ? homeBody(look) : reservedBody(look[page])}
<aside aria-label="How this visit was signed in">
<h2>How this visit was signed in</h2>
<p id="via" data-via="${via ?? 'none'}"><b>${via ?? 'not at all'}</b></p>
<p>${text(explain(session, via))}</p>
</aside>
</main>
<footer>Also: ${others.map(({ name, origin }) => `<a href="${text(origin)}">${text(name)}</a>`).join(' · ')}</footer>
</body>
</html>
`
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
  return { body, policy }
}

function explain(session: Session | null, via: Via | null): string {
  if (session === null) return 'Nobody is signed in here. Sign in at any of the sites, then look here again.'
  const since = new Date(session.startedAt).toISOString().slice(11, 19)
  return `${via === null ? 'Before this process began.' : VIA[via]} Your session began at ${since} UTC and is the same at every site.`
}

function homeBody(look: Look): string {
  const items = look.items.map(
    ({ title, text: words, mark }) =>
      `<li class="item">${drawing(mark)}<h2>${text(title)}</h2><p>${text(words)}</p></li>`,
  )
  return `<h1>${text(look.tagline)}</h1>\n<ul class="items">${items.join('\n')}</ul>`
}

function drawing(mark: string | null): string {
  if (mark === null) return ''
  return `<svg class="mark" viewBox="-24 -6 96 60" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${mark}</svg>`
}

function reservedBody({ title, text: words, items }: Reserved): string {
  return `<h1>${text(title)}</h1>\n<p>${text(words)}</p>\n<ul class="list">${items.map(item => `<li>${text(item)}</li>`).join('')}</ul>`
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const BASE = `
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5; }
header, main, footer { max-width: 64rem; margin: 0 auto; padding: 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: center; border-bottom: 1px solid var(--line); }
.name { font-size: 1.375rem; font-weight: 700; color: inherit; text-decoration: none; }
nav { display: flex; gap: 1rem; }
nav a { color: inherit; }
nav a[aria-current] { text-decoration-thickness: 3px; text-underline-offset: .3em; font-weight: 600; }
.who { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-left: auto; }
.who form { margin: 0; }
.action { display: inline-block; border: 1px solid var(--accent); border-radius: var(--radius); padding: .375rem .875rem; background: none; color: var(--accent); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
.action:hover { background: color-mix(in oklab, var(--accent) 12%, transparent); }
:is(a, button):focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
h1 { font-size: clamp(1.75rem, 5vw, 2.75rem); line-height: 1.15; margin: 1.5rem 0; text-wrap: balance; }
h2 { font-size: 1.125rem; margin: .75rem 0 .25rem; }
p { margin: 0; }
.items { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.item { border: 1px solid var(--line); border-radius: var(--radius); padding: 1.25rem; background: var(--card); }
.mark { display: block; width: 100%; height: 7rem; color: var(--accent); border-radius: var(--radius); background: color-mix(in oklab, var(--accent) 12%, transparent); }
.list { padding-left: 1.25rem; } .list li { padding: .25rem 0; }
aside { margin-top: 2.5rem; padding: 1rem 1.25rem; border: 1px dashed var(--line); border-radius: var(--radius); max-width: 44rem; }
aside h2 { margin-top: 0; font-size: 1rem; }
aside b { color: var(--accent); }
footer { border-top: 1px solid var(--line); margin-top: 2rem; }
footer a { color: inherit; }
`
