import type { Manifest } from '@carnet/protocol'
import type { Ctx } from '../context.ts'
import { type PagePolicy, policy } from '../middleware/headers.ts'
import { type Html, html } from './html.ts'
import { style } from './style.ts'

/** One page. */
export interface Page {
  readonly manifest: Manifest
  readonly title: string
  readonly body: Html
  /** Further elements of the head. */
  readonly head?: Html
  /** What it loads beyond its style. */
  readonly policy?: Omit<PagePolicy, 'nonce'>
}

/** Sends a page. */
export function sendPage(ctx: Ctx, page: Page): void {
  const { nonce } = ctx.state
  const { brand } = page.manifest
  ctx.set('Content-Security-Policy', policy({ ...page.policy, nonce }))
  ctx.type = 'text/html; charset=utf-8'
  ctx.body = html`<!doctype html>
<html lang="en">
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
<main class="card">
<p class="brand">${mark(brand)}<span>${brand.name}</span></p>
${page.body}
</main>
</body>
</html>
`.text
}

function mark(brand: Manifest['brand']): Html {
  // Only what the manifest carries in itself: a page that takes passwords loads nothing from elsewhere.
  if (brand.logo?.startsWith('data:image/')) return html`<img src="${brand.logo}" alt="">`
  return html`<i></i>`
}
