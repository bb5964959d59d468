import type { ErrorCode } from '@carnet/protocol'
import { type Html, html } from '../../html.ts'
import { HELP } from '../../texts/help.ts'
import type { Ctx } from '../context.ts'
import { sendPage } from './layout.ts'

// In the order in which people may meet them.
const GROUPS = {
  way: [
    'signed_out',
    'state_mismatch',
    'ticket_unknown',
    'ticket_wrong_client',
    'ticket_wrong_site',
    'ticket_missing',
    'session_gone',
    'unknown_site',
    'other_user',
    'pixel_blocked',
  ],
  forms: [
    'invalid_credentials',
    'email_unverified',
    'email_taken',
    'forbidden',
    'rate_limited',
    'csrf',
    'invalid_input',
  ],
  faults: ['store_unavailable', 'internal', 'bad_signature', 'not_found', 'method_not_allowed'],
} as const satisfies Record<string, readonly ErrorCode[]>

/** What each code means, a paragraph with an anchor for each. */
export function helpPage(ctx: Ctx): void {
  const { base, language, texts } = ctx.state
  const { title, lead, groups } = HELP[language]
  const entries = Object.entries(GROUPS) as [keyof typeof GROUPS, readonly ErrorCode[]][]
  sendPage(ctx, {
    title,
    wide: true,
    body: html`
<h1>${title}</h1>
<p class="lead">${lead}</p>
${entries.map(
  ([group, codes]) => html`<h2 class="group">${groups[group]}</h2>
${codes.map(code => entry(ctx, code))}`,
)}
<a class="button quiet" href="${base}/">${texts.errors.start}</a>`,
  })
}

function entry(ctx: Ctx, code: ErrorCode): Html {
  const { codes, look } = HELP[ctx.state.language]
  const { title, text, look: where } = codes[code]
  return html`<section class="code" id="${code}">
<h3>${title}</h3>
<p><code>${code}</code></p>
<p>${text}</p>
<p class="hint"><b>${look}</b> ${where}</p>
</section>`
}
