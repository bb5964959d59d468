import { html } from '../../html.ts'
import type { Ctx } from '../context.ts'
import { sendPage } from './layout.ts'

/** A page that says one thing. */
export interface Notice {
  readonly title: string
  readonly text: string
  /** The way on; a path of the service. */
  readonly on?: { readonly label: string; readonly href: string }
  /** False where coming to the page again would not show it. */
  readonly languages?: boolean
}

/** Says one thing, and where to go on. */
export function noticePage(ctx: Ctx, { title, text, on, languages = true }: Notice): void {
  const { base } = ctx.state
  sendPage(ctx, {
    title,
    languages,
    body: html`
<h1>${title}</h1>
<p class="lead">${text}</p>
${on !== undefined && html`<a class="button quiet" href="${base}${on.href}">${on.label}</a>`}`,
  })
}
