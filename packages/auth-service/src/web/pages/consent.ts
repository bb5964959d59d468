import type { Site, User } from '@carnet/protocol'
import { type Html, html } from '../../html.ts'
import type { Ctx } from '../context.ts'
import { form, sendPage } from './layout.ts'

/** What the page asks about. */
export interface Consent {
  readonly site: Site
  readonly user: User
  /** Where who declines goes, absolute. */
  readonly notNow: string
  /** Where who is somebody else goes, absolute. */
  readonly another: string
}

/** Asks whether a site may know who is signed in, and says what it learns. */
export function consentPage(ctx: Ctx, { site, user, notNow, another }: Consent): void {
  const { consent, fields } = ctx.state.texts
  const { id, name, email, roles } = user
  sendPage(ctx, {
    title: consent.title(site.name),
    body: html`
<h1>${consent.heading(site.name, name)}</h1>
<p class="lead">${new URL(site.origin).host}</p>
<h2 id="learns">${consent.learns(site.name)}</h2>
<dl class="facts" aria-labelledby="learns">
${fact(fields.name, name)}
${fact(fields.email, email)}
${roles.length > 0 && fact(consent.roles, new Intl.ListFormat(ctx.state.language).format(roles))}
</dl>
<p class="hint">${consent.keeps}</p>
${form(ctx, `/authorize${ctx.search}`, html`<input type="hidden" name="user" value="${id}"><button>${consent.button}</button>`)}
<a class="button quiet" href="${notNow}">${consent.notNow}</a>
<p class="ways"><a href="${another}">${consent.another}</a></p>`,
  })
}

function fact(term: string, value: string): Html {
  return html`<div><dt>${term}</dt><dd>${value}</dd></div>`
}
