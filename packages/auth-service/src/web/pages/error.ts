import type { CarnetError } from '@carnet/protocol'
import { html } from '../../html.ts'
import type { Ctx } from '../context.ts'
import { messageFor } from '../envelope.ts'
import { sendPage } from './layout.ts'

// The forms that are limited, by the path that takes them; each shows itself at its own page.
const FORMS = ['/signin', '/signup', '/verify-email', '/password/forgot', '/password/reset', '/account/email']

/** The page for people whose request was refused. */
export function errorPage(ctx: Ctx, error: CarnetError): void {
  const { base, texts } = ctx.state
  const { errors } = texts
  const on = wayOn(ctx, error)
  const title = (errors.titles as Partial<Record<string, string>>)[error.code] ?? errors.title
  sendPage(ctx, {
    title,
    body: html`
<h1>${title}</h1>
<p class="lead">${messageFor(ctx, error)}</p>
<a class="button quiet" href="${base}${on.href}">${on.label}</a>
<p class="foot"><a href="${base}/help#${error.code}">${error.code}</a></p>`,
  })
}

function wayOn(ctx: Ctx, error: CarnetError): { label: string; href: string } {
  const { base, texts } = ctx.state
  const { errors } = texts
  if (error.code === 'csrf') return { label: errors.signIn, href: '/signin' }
  // Only then: a request's target may be no address at all.
  const path = error.code === 'rate_limited' ? ctx.path : ''
  const form = FORMS.find(each => path === base + each || path === `${base}${each}/resend`)
  if (form === undefined) return { label: errors.start, href: '/' }
  return { label: errors.tryAgain, href: form + ctx.search }
}
