import type { Manifest, User } from '@carnet/protocol'
import type { Ctx } from '../context.ts'
import { formToken } from '../middleware/same-origin.ts'
import { html } from './html.ts'
import { sendPage } from './layout.ts'

/** Asks whether to sign out. */
export function signOutPage(ctx: Ctx, { manifest, user }: { manifest: Manifest; user: User }): void {
  sendPage(ctx, {
    manifest,
    title: 'Sign out',
    body: html`
<h1>Sign out everywhere?</h1>
<p class="lead">${user.email} is signed in. Signing out ends this at every site at once:</p>
<ul class="sites">
${manifest.sites.map(site => html`<li><span><b>${site.name}</b><small>${new URL(site.origin).host}</small></span></li>`)}
</ul>
<form method="post" action="/signout${ctx.search}">
<input type="hidden" name="form_token" value="${formToken(ctx)}">
<button>Sign out everywhere</button>
</form>
<a class="button quiet" href="/">Stay signed in</a>`,
  })
}
