import { type Html, html } from '../../html.ts'
import type { Ctx, Flash } from '../context.ts'
import { field, said } from './fields.ts'
import { form, sendPage } from './layout.ts'

/** What a mailed link asks its owner. */
export interface Verify {
  readonly token: string
  readonly email: string
  /** True where the browser is signed in as that user: nobody else's account is confirmed then. */
  readonly own: boolean
  /** True where an address is to be replaced. */
  readonly change: boolean
  readonly flash: Flash | null
}

/** The page that a mailed link opens. Loading it does nothing: mail scanners load links. */
export function verifyPage(ctx: Ctx, { token, email, own, change, flash }: Verify): void {
  const { fields, verify } = ctx.state.texts
  const hidden = html`<input type="hidden" name="token" value="${token}">`
  // No Referer may carry the token. The form has a token of its own, since its Origin is `null` then.
  ctx.set('Referrer-Policy', 'no-referrer')
  sendPage(ctx, {
    title: verify.title,
    body: html`
<h1>${verify.title}</h1>
<p class="lead">${own ? verify.lead(email) : verify.leadPassword(email)}</p>
${said(flash)}
${form(
  ctx,
  '/verify-email',
  html`${hidden}
${
  !own &&
  html`<input type="text" class="unseen" value="${email}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
${field(flash, { name: 'password', label: fields.password, type: 'password', autocomplete: 'current-password', focus: true })}`
}
<button>${verify.button}</button>`,
)}
${!own && deny(ctx, hidden, change)}`,
  })
}

function deny(ctx: Ctx, hidden: Html, change: boolean): Html {
  const { verify } = ctx.state.texts
  return html`<hr>
<p class="foot">${change ? verify.notMeChange : verify.notMeLead}</p>
${form(ctx, '/verify-email', html`${hidden}<button class="quiet" name="deny" value="1">${verify.notMe}</button>`)}`
}

/** Tells who waits for a mail, and sends another. `email` is null for who is not signed in. */
export function waitPage(ctx: Ctx, { email, flash }: { email: string | null; flash: Flash | null }): void {
  const { fields, verify } = ctx.state.texts
  sendPage(ctx, {
    title: verify.waitTitle,
    body: html`
<h1>${verify.waitTitle}</h1>
<p class="lead">${email === null ? verify.waitUnknown : verify.wait(email)}</p>
${said(flash)}
${form(
  ctx,
  `/verify-email/resend${ctx.search}`,
  html`${email === null && field(flash, { name: 'email', label: fields.email, type: 'email', autocomplete: 'username' })}
<button>${verify.resend}</button>`,
)}`,
  })
}
