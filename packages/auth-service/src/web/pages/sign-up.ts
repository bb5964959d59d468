import type { Manifest, Site } from '@carnet/protocol'
import { html } from '../../html.ts'
import type { Ctx, Flash } from '../context.ts'
import { field, said } from './fields.ts'
import { form, sendPage } from './layout.ts'

/** The page on which people open an account. */
export function signUpPage(
  ctx: Ctx,
  { manifest, site, flash }: { manifest: Manifest; site: Site | null; flash: Flash | null },
): void {
  const { base, brand, texts } = ctx.state
  const { fields, hints, signUp, signIn } = texts
  const taken = flash?.code === 'email_taken'
  sendPage(ctx, {
    title: signUp.title,
    body: html`
<h1>${signUp.title}</h1>
<p class="lead">${site === null ? signUp.lead(brand.name) : signUp.leadTo(brand.name, site.name)}</p>
${said(flash)}
${
  taken &&
  html`<p class="alert" role="alert">${signUp.taken}
<a href="${base}/signin${ctx.search}">${signUp.signIn}</a> · <a href="${base}/password/forgot${ctx.search}">${signIn.forgot}</a></p>`
}
${form(
  ctx,
  `/signup${ctx.search}`,
  html`${field(flash, { name: 'name', label: fields.name, type: 'text', autocomplete: 'name', focus: true })}
${field(flash, { name: 'email', label: fields.email, type: 'email', autocomplete: 'username' })}
${field(flash, { name: 'password', label: fields.password, type: 'password', autocomplete: 'new-password', hint: hints.password(manifest.accounts.password.minLength) })}
${field(flash, { name: 'passwordAgain', label: fields.passwordAgain, type: 'password', autocomplete: 'new-password' })}
<button>${signUp.button}</button>`,
)}
<p class="ways"><span>${signUp.have}</span> <a href="${base}/signin${ctx.search}">${signUp.signIn}</a></p>`,
  })
}
