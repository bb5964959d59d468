import type { CarnetError } from '@carnet/protocol'
import { html } from '../../html.ts'
import type { Ctx } from '../context.ts'
import { messageFor } from '../envelope.ts'
import { sendPage } from './layout.ts'

/** The page for people whose request was refused. */
export function errorPage(ctx: Ctx, error: CarnetError): void {
  const { base, texts } = ctx.state
  const { errors } = texts
  const title = (errors.titles as Partial<Record<string, string>>)[error.code] ?? errors.title
  sendPage(ctx, {
    title,
    body: html`
<h1>${title}</h1>
<p class="lead">${messageFor(ctx, error)}</p>
${
  error.code === 'csrf'
    ? html`<a class="button quiet" href="${base}/signin">${errors.signIn}</a>`
    : html`<a class="button quiet" href="${base}/">${errors.start}</a>`
}
<p class="foot">${error.code}</p>`,
  })
}
