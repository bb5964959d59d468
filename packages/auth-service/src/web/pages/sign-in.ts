import type { Manifest, Site } from '@carnet/protocol'
import { type Html, html } from '../../html.ts'
import type { Ctx, Flash } from '../context.ts'
import { check, field, said } from './fields.ts'
import { form, sendPage } from './layout.ts'

/** What the sign-in page shows. */
export interface SignIn {
  readonly manifest: Manifest
  /** The site that the person comes from, or null. */
  readonly site: Site | null
  readonly flash: Flash | null
  /** The address of who is signed in and has to give the password again. */
  readonly again: string | null
  /** Whether this browser is remembered now. */
  readonly remembered: boolean
  /** In place of the usual line below the title, or null. */
  readonly description: string | null
}

/** The sign-in page. */
export function signInPage(ctx: Ctx, page: SignIn): void {
  const { manifest, flash, again } = page
  const { base, texts, language } = ctx.state
  const { fields, signIn } = texts
  const email = flash?.values['email'] || again || ''
  const title = again === null ? signIn.title : signIn.again
  sendPage(ctx, {
    title,
    // The pixels that follow a sign-in find their connections open.
    head: html`${manifest.sites
      .filter(({ fanOut }) => fanOut !== 'none')
      .map(({ origin }) => html`<link rel="preconnect" href="${origin}">`)}`,
    body: html`
<h1>${title}</h1>
<p class="lead">${lead(ctx, page)}</p>
${said(flash)}
${form(
  ctx,
  `/signin${ctx.search}`,
  html`${field(flash, { name: 'email', label: fields.email, type: 'email', value: email, autocomplete: 'username', focus: email === '' })}
${field(flash, { name: 'password', label: fields.password, type: 'password', autocomplete: 'current-password', focus: email !== '' })}
${check('remember', fields.remember, page.remembered)}
<button>${signIn.button}</button>`,
)}
${ways(ctx, manifest, base)}
${manifest.sites.length > 0 && html`<p class="foot">${signIn.sites(names(language, manifest.sites))}</p>`}`,
  })
}

function lead(ctx: Ctx, { site, again, description }: SignIn): string {
  const { brand, texts } = ctx.state
  const { signIn } = texts
  if (again !== null) return site === null ? signIn.againLead : signIn.againLeadTo(site.name)
  if (site !== null) return signIn.leadTo(brand.name, site.name)
  return description ?? signIn.lead(brand.name)
}

/** The ways on for who cannot sign in. An existing backend keeps its own. */
function ways(ctx: Ctx, { accounts }: Manifest, base: string): Html | null {
  if (accounts.credentials !== null) return null
  const { signIn } = ctx.state.texts
  return html`<p class="ways"><a href="${base}/password/forgot${ctx.search}">${signIn.forgot}</a>
${accounts.signUp !== 'closed' && html`<a href="${base}/signup${ctx.search}">${signIn.signUp}</a>`}</p>`
}

function names(language: string, sites: readonly Site[]): string {
  return new Intl.ListFormat(language).format(sites.map(site => site.name))
}
