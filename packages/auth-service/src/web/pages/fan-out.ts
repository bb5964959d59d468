import type { Manifest, Site } from '@carnet/protocol'
import { Html, html } from '../../html.ts'
import type { Pixel } from '../../sso/fan-out.ts'
import type { Ctx } from '../context.ts'
import { sendPage } from './layout.ts'

// Goes on when every pixel has come or failed, and at the latest when a ticket's usual life is over.
const SCRIPT = new Html(`
const go = () => location.replace(document.getElementById('next').href)
const images = [...document.images].filter(image => image.classList.contains('pixel'))
const done = images.map(image => image.complete || new Promise(resolve => { image.onload = image.onerror = resolve }))
Promise.all(done).then(go)
setTimeout(go, 3000)
`)

/** What the page after a sign-in does. */
export interface FanOut {
  readonly manifest: Manifest
  /** The site that the person comes from, or null. */
  readonly site: Site | null
  readonly pixels: readonly Pixel[]
  /** Where it goes on to, absolute. */
  readonly next: string
}

/** The page after a sign-in: loads the other sites' pixels, then goes on. */
export function fanOutPage(ctx: Ctx, { manifest, site, pixels, next }: FanOut): void {
  // This page's images bear tickets: no Referer may carry its address, and it has no form that would need one.
  ctx.set('Referrer-Policy', 'no-referrer')
  const { signedIn } = ctx.state.texts
  sendPage(ctx, {
    title: signedIn.title,
    languages: false,
    // A pull goes by way of this service.
    policy: { script: true, images: ["'self'", ...manifest.sites.map(({ origin }) => origin)] },
    head: html`<noscript><meta http-equiv="refresh" content="2; url=${next}"></noscript>`,
    body: html`
<h1>${signedIn.heading}</h1>
<p class="lead" role="status">${site === null ? signedIn.on : signedIn.onTo(site.name)}</p>
<div class="bar" aria-hidden="true"></div>
${pixels.map(({ url }) => html`<img class="pixel" src="${url}" alt="" referrerpolicy="no-referrer">`)}
<a class="button" id="next" href="${next}">${site === null ? signedIn.button : signedIn.buttonTo(site.name)}</a>
<script nonce="${ctx.state.nonce}">${SCRIPT}</script>`,
  })
}
