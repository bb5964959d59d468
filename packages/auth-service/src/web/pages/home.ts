import type { Manifest, User } from '@carnet/protocol'
import { html } from '../../html.ts'
import type { Ctx } from '../context.ts'
import { sendPage } from './layout.ts'
import { siteList } from './sites.ts'

/** The service's own home: who is signed in, and the ways to the sites. */
export function homePage(ctx: Ctx, { manifest, user }: { manifest: Manifest; user: User | null }): void {
  const { base, texts } = ctx.state
  const { home, signIn, signOut, signUp } = texts
  const alone = manifest.sites.length === 0
  if (user === null) {
    sendPage(ctx, {
      title: home.welcome,
      body: html`
<h1>${home.signedOut}</h1>
<p class="lead">${alone ? home.invitationAlone : home.invitation}</p>
${siteList(manifest.sites, true)}
<a class="button" href="${base}/signin">${signIn.button}</a>
${manifest.accounts.signUp !== 'closed' && html`<a class="button quiet" href="${base}/signup">${signUp.title}</a>`}`,
    })
    return
  }
  sendPage(ctx, {
    title: home.title,
    body: html`
<h1>${home.hello(user.name)}</h1>
<p class="lead">${alone ? home.signedInAlone(user.email) : home.signedIn(user.email)}</p>
${!user.emailVerified && manifest.accounts.credentials === null && html`<p class="alert">${home.unverified} <a href="${base}/verify-email">${home.confirm}</a></p>`}
${siteList(manifest.sites, true)}
<a class="button" href="${base}/account">${home.account}</a>
<a class="button quiet" href="${base}/signout">${signOut.title}</a>`,
  })
}
