import { html } from '../../html.ts'
import type { KeptLetter } from '../../mail/transport.ts'
import type { Ctx } from '../context.ts'
import { sendPage } from './layout.ts'

/** The mails that would have been sent. For developers, so in English only. */
export function devMailPage(ctx: Ctx, letters: readonly KeptLetter[]): void {
  sendPage(ctx, {
    title: 'Mail',
    wide: true,
    body: html`
<h1>Mail</h1>
<p class="lead">${letters.length === 0 ? 'Nothing was sent yet.' : 'What would have been sent, the latest first. Set CARNET_SMTP_URL to send it.'}</p>
${letters.map(
  letter => html`<section>
<h2>${letter.subject}</h2>
<p class="hint">to ${letter.to}, ${new Date(letter.sentAt).toISOString()}</p>
<p class="letter">${linked(letter.text)}</p>
</section>`,
)}`,
  })
}

function linked(text: string) {
  return text
    .split(/(https?:\/\/\S+)/)
    .map((part, index) => (index % 2 === 1 ? html`<a href="${part}">${part}</a>` : html`${part}`))
}
