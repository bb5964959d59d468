import type { Transporter } from 'nodemailer'
import type { Letter } from './letter.ts'

/** What carries letters away. */
export interface Transport {
  /** Hands a letter over. `id` names it: one that is handed over twice bears the same Message-ID. Throws where it was not taken. */
  send(letter: Letter, id: string): Promise<void>
  close(): void
}

const PATIENCE_MS = 20_000
const VERIFIED_WITHIN_MS = 5_000

/** A mail server, `smtp://user:password@host:587` or `smtps://…`. `from` is the sender, `Name <address>`. */
export async function smtpTransport(url: string, from: string): Promise<Transport> {
  const mailer = await openMailer(url, PATIENCE_MS)
  const host = from.replace(/^.*@|>$/g, '')
  return {
    async send({ to, subject, text, html }, id) {
      await mailer.sendMail({
        from,
        to: { name: '', address: to },
        subject,
        text,
        html,
        messageId: `<${id}@${host}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    },
    close: () => mailer.close(),
  }
}

/** Connects to a mail server, has it greet, and logs in where the URL names a user; nothing is sent. Throws what stands in the way. */
export async function verifySmtp(url: string): Promise<void> {
  const mailer = await openMailer(url, VERIFIED_WITHIN_MS)
  try {
    await mailer.verify()
  } finally {
    mailer.close()
  }
}

async function openMailer(url: string, patience: number): Promise<Transporter> {
  // Loaded here: a process that sends no mail need not wait for it.
  const { createTransport } = await import('nodemailer')
  return createTransport({
    url,
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof createTransport>[0])
}

/** A letter that was kept. */
export interface KeptLetter extends Letter {
  /** Ms since epoch. */
  readonly sentAt: number
}

const MOST_KEPT = 200

/** Keeps letters to be read at `/dev/mail`, in place of a mail server. */
export class KeptMail implements Transport {
  readonly letters: KeptLetter[] = []

  async send(letter: Letter): Promise<void> {
    this.letters.unshift({ ...letter, sentAt: Date.now() })
    this.letters.splice(MOST_KEPT)
  }

  close(): void {}
}
