import type { Manifest, Site } from '@carnet/protocol'
import type { Ctx, Flash } from '../context.ts'
import { formToken } from '../middleware/same-origin.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './layout.ts'

/** What the sign-in page shows. */
export interface SignIn {
  readonly manifest: Manifest
  /** The site that the person comes from, or null. */
  readonly site: Site | null
  readonly flash: Flash | null
  /** The address of who is signed in and has to give the password again. */
  readonly again: string | null
}

/** The sign-in page. */
export function signInPage(ctx: Ctx, { manifest, site, flash, again }: SignIn): void {
  const goal = site === null ? '' : ` to continue to ${site.name}`
  const faulty = flash !== null && Object.keys(flash.fields).length > 0
  const email = flash?.email || again || ''
  sendPage(ctx, {
    manifest,
    title: again === null ? 'Sign in' : 'Confirm that it is you',
    // The pixels that follow a sign-in find their connections open.
    head: html`${manifest.sites
      .filter(({ fanOut }) => fanOut !== 'none')
      .map(({ origin }) => html`<link rel="preconnect" href="${origin}">`)}`,
    body: html`
<h1>${again === null ? 'Sign in' : 'Confirm that it is you'}</h1>
<p class="lead">${again === null ? `With your ${manifest.brand.name} account${goal}.` : `Give your password again${goal}.`}</p>
${flash !== null && !faulty && html`<p class="alert" role="alert" id="alert">${flash.message}</p>`}
<form method="post" action="/signin${ctx.search}" novalidate>
<input type="hidden" name="form_token" value="${formToken(ctx)}">
${field({
  name: 'email',
  label: 'E-mail address',
  type: 'email',
  value: email,
  autocomplete: 'username',
  error: flash?.fields['email'] ?? null,
  focus: email === '',
})}
${field({
  name: 'password',
  label: 'Password',
  type: 'password',
  value: '',
  autocomplete: 'current-password',
  error: flash?.fields['password'] ?? null,
  focus: email !== '',
})}
<button>Sign in</button>
</form>
<p class="foot">One sign-in for ${names(manifest.sites)}.</p>`,
  })
}

interface Field {
  readonly name: string
  readonly label: string
  readonly type: 'email' | 'password'
  readonly value: string
  readonly autocomplete: string
  readonly error: string | null
  readonly focus: boolean
}

function field({ name, label, type, value, autocomplete, error, focus }: Field): Html {
  const invalid = error !== null && html` aria-invalid="true" aria-describedby="${name}-error"`
  return html`<div class="field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" required${focus && html` autofocus`}${invalid}>
${error !== null && html`<p class="error" id="${name}-error">${error}</p>`}
</div>`
}

function names(sites: readonly Site[]): string {
  return new Intl.ListFormat('en').format(sites.map(site => site.name))
}
