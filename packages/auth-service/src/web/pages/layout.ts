import type { Brand, Language } from '@carnet/protocol'
import { type Html, html } from '../../html.ts'
import { LANGUAGES } from '../../texts/languages.ts'
import type { Ctx } from '../context.ts'
import { type PagePolicy, policy } from '../middleware/headers.ts'
import { formToken } from '../middleware/same-origin.ts'
import { style } from './style.ts'

/** One page. */
export interface Page {
  readonly title: string
  readonly body: Html
  /** Further elements of the head. */
  readonly head?: Html
  /** What it loads beyond its style. */
  readonly policy?: Omit<PagePolicy, 'nonce'>
  /** True for more than a form. */
  readonly wide?: boolean
  /** False where coming to the page again would not show it. */
  readonly languages?: boolean
}

/** Sends a page. */
export function sendPage(ctx: Ctx, page: Page): void {
  const { nonce, brand, language } = ctx.state
  ctx.set('Content-Security-Policy', policy({ ...page.policy, nonce }))
  ctx.type = 'text/html; charset=utf-8'
  ctx.body = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title} · ${brand.name}</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${style(brand.accent)}</style>
${page.head ?? null}
</head>
<body>
<main class="card${page.wide === true && ' wide'}">
<p class="brand">${mark(brand)}<span>${brand.name}</span></p>
${page.body}
</main>
${page.languages !== false && ctx.method === 'GET' && languageSwitch(ctx)}
</body>
</html>
`.text
}

/** The beginning of a form: where it goes, and its token. */
export function form(ctx: Ctx, action: string, body: Html): Html {
  return html`<form method="post" action="${ctx.state.base}${action}" novalidate>
<input type="hidden" name="form_token" value="${formToken(ctx)}">
${body}
</form>`
}

/** The way out, for pages of who is signed in. */
export function wayOut(ctx: Ctx): Html {
  const { base, texts } = ctx.state
  return html`<p class="ways"><a href="${base}/signout">${texts.signOut.title}</a></p>`
}

function mark(brand: Brand): Html {
  // Only what the page carries in itself: one that takes passwords loads nothing from elsewhere.
  if (brand.logo !== null) return html`<img src="${brand.logo}" alt="">`
  return html`<i></i>`
}

function languageSwitch(ctx: Ctx): Html {
  const { base, language, texts } = ctx.state
  const entries = Object.entries(LANGUAGES) as [Language, (typeof LANGUAGES)[Language]][]
  const link = (to: Language) => `${base}/language?${new URLSearchParams({ to, return_to: ctx.url })}`
  return html`<nav class="languages" aria-label="${texts.language.switch}">
${entries.map(([tag, { language: own }]) =>
  tag === language
    ? html`<span lang="${tag}" aria-current="true">${own.name}</span>`
    : html`<a lang="${tag}" hreflang="${tag}" href="${link(tag)}">${own.name}</a>`,
)}
</nav>`
}
