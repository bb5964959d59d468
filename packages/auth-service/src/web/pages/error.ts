import type { CarnetError } from '@carnet/protocol'
import type { Ctx, Desk } from '../context.ts'
import { html } from './html.ts'
import { sendPage } from './layout.ts'

const TITLES: Partial<Record<CarnetError['code'], string>> = {
  not_found: 'There is nothing here',
  csrf: 'Please open the form again',
  store_unavailable: 'Not just now',
  rate_limited: 'Not just now',
  internal: 'Something went wrong',
  unknown_site: 'That site does not take part',
}

/** The page for people whose request was refused. */
export function errorPage(desk: Desk): (ctx: Ctx, error: CarnetError) => void {
  return (ctx, error) =>
    sendPage(ctx, {
      manifest: desk.manifest.current,
      title: TITLES[error.code] ?? 'That did not work',
      body: html`
<h1>${TITLES[error.code] ?? 'That did not work'}</h1>
<p class="lead">${error.message}</p>
${
  error.code === 'csrf'
    ? html`<a class="button quiet" href="/signin">To the sign-in page</a>`
    : html`<a class="button quiet" href="/">To the start page</a>`
}
<p class="foot">${error.code}</p>`,
    })
}
