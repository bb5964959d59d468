import type { Site } from '@carnet/protocol'
import { type Html, html } from '../../html.ts'

/** A list of sites, as links or as names; nothing where there is none. */
export function siteList(sites: readonly Site[], links: boolean): Html | null {
  if (sites.length === 0) return null
  return html`<ul class="sites">
${sites.map(({ name, origin }) => {
  const { host } = new URL(origin)
  const inner = html`<b>${name}</b><small>${host}</small>`
  return links ? html`<li><a href="${origin}">${inner}</a></li>` : html`<li><span>${inner}</span></li>`
})}
</ul>`
}
