import type { Manifest, User } from '@carnet/protocol'
import type { Ctx } from '../context.ts'
import { html } from './html.ts'
import { sendPage } from './layout.ts'

/** The service's own home: who is signed in, and the ways to the sites. */
export function homePage(ctx: Ctx, { manifest, user }: { manifest: Manifest; user: User | null }): void {
  sendPage(ctx, {
    manifest,
    title: user === null ? 'Welcome' : 'Your sites',
    body: html`
<h1>${user === null ? 'You are signed out' : `Hello, ${user.name}`}</h1>
<p class="lead">${user === null ? 'Sign in once for all of these sites:' : `${user.email} is signed in, for all of these sites:`}</p>
<ul class="sites">
${manifest.sites.map(
  site =>
    html`<li><a href="${site.origin}"><b>${site.name}</b><small>${new URL(site.origin).host}</small></a></li>`,
)}
</ul>
${
  user === null
    ? html`<a class="button" href="/signin">Sign in</a>`
    : html`<a class="button quiet" href="/signout">Sign out</a>`
}`,
  })
}
