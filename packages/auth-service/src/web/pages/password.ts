import { html } from '../../html.ts'
import type { Ctx, Flash } from '../context.ts'
import { field, said } from './fields.ts'
import { form, sendPage, wayOut } from './layout.ts'

/** The page for who forgot the password. */
export function forgotPage(ctx: Ctx, { flash, email }: { flash: Flash | null; email: string }): void {
  const { base, texts } = ctx.state
  const { fields, forgot, signUp } = texts
  sendPage(ctx, {
    title: forgot.title,
    body: html`
<h1>${forgot.title}</h1>
<p class="lead">${forgot.lead}</p>
${said(flash)}
${form(
  ctx,
  `/password/forgot${ctx.search}`,
  html`${field(flash, { name: 'email', label: fields.email, type: 'email', autocomplete: 'username', value: email, focus: true })}
<button>${forgot.button}</button>`,
)}
<p class="ways"><a href="${base}/signin${ctx.search}">${signUp.signIn}</a></p>`,
  })
}

/** The query of that page for who has found a session of somebody else's. */
export const BECAUSE_NOT_ME = '?because=not_me'

/** The page on which a new password is chosen: by a mailed link, or by who is signed in (`token` null). */
export function newPasswordPage(
  ctx: Ctx,
  page: { token: string | null; email: string; notMe: boolean; minLength: number; flash: Flash | null },
): void {
  const { base, texts } = ctx.state
  const { account, fields, hints, reset } = texts
  const { token, email, notMe, minLength, flash } = page
  const title = token === null ? account.changePassword : reset.title
  if (token !== null) ctx.set('Referrer-Policy', 'no-referrer')
  sendPage(ctx, {
    title,
    body: html`
<h1>${title}</h1>
<p class="lead">${token === null ? account.changePasswordLead : reset.lead(email)}</p>
${notMe && html`<p class="alert" role="alert">${account.notMe}</p>`}
${said(flash)}
${form(
  ctx,
  token === null ? `/account/password${notMe ? BECAUSE_NOT_ME : ''}` : '/password/reset',
  html`${token !== null && html`<input type="hidden" name="token" value="${token}">`}
<input type="text" class="unseen" value="${email}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
${field(flash, { name: 'password', label: fields.newPassword, type: 'password', autocomplete: 'new-password', hint: hints.password(minLength), focus: true })}
${field(flash, { name: 'passwordAgain', label: fields.passwordAgain, type: 'password', autocomplete: 'new-password' })}
<button>${reset.button}</button>`,
)}
${
  token === null &&
  html`<a class="button quiet" href="${base}/account">${account.back}</a>
${wayOut(ctx)}`
}`,
  })
}
