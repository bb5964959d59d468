import type { Manifest, User } from '@carnet/protocol'
import { html } from '../../html.ts'
import type { Ctx } from '../context.ts'
import { form, sendPage } from './layout.ts'
import { siteList } from './sites.ts'

/** Asks whether to sign out. */
export function signOutPage(ctx: Ctx, { manifest, user }: { manifest: Manifest; user: User }): void {
  const { base, texts } = ctx.state
  const { signOut } = texts
  const alone = manifest.sites.length === 0
  sendPage(ctx, {
    title: signOut.title,
    body: html`
<h1>${alone ? signOut.title : signOut.heading}</h1>
<p class="lead">${alone ? signOut.leadAlone(user.email) : signOut.lead(user.email)}</p>
${siteList(manifest.sites, false)}
${form(ctx, `/signout${ctx.search}`, html`<button>${alone ? signOut.title : signOut.button}</button>`)}
<a class="button quiet" href="${base}/">${signOut.stay}</a>`,
  })
}
