import { setTimeout } from 'node:timers/promises'
import type { Manifest } from '@carnet/protocol'
import type { Logger } from 'pino'
import type { MailPurpose, MailTokens } from '../accounts/mail-tokens.ts'
import type { Users } from '../accounts/users.ts'
import { type Links, writeLetter } from './letter.ts'
import type { DueMail, MailKind, Outbox } from './outbox.ts'
import type { Transport } from './transport.ts'

const LOOK_EVERY_MS = 1_000
const NOTE_TRIES = 20
const NOTE_AGAIN_MS = 500
/** Writing a mail takes time that no answer may show: who asked could tell by it whether there was one to write. */
const AFTER_ANSWER_MS = 50

const PURPOSE: Partial<Record<MailKind, MailPurpose>> = {
  verify: 'verify-email',
  reset: 'reset-password',
  'change-email': 'change-email',
}

/** What a mailer works with. */
export interface MailerParts {
  readonly outbox: Outbox
  readonly users: Users
  readonly tokens: MailTokens
  /** Null: mails wait until a process with a mail server takes them. */
  readonly transport: Transport | null
  readonly manifest: () => Manifest
  readonly log: Logger
}

/** Writes and sends the mails of the outbox, until it is closed. */
export class Mailer {
  readonly #parts: MailerParts
  readonly #timer: NodeJS.Timeout | null
  #soon: NodeJS.Timeout | null = null
  #working: Promise<void> | null = null
  #again = false

  constructor(parts: MailerParts) {
    this.#parts = parts
    this.#timer = parts.transport === null ? null : setInterval(() => this.#work(), LOOK_EVERY_MS).unref()
    parts.outbox.onMail(() => this.#workSoon())
  }

  /** Lets what is being sent come to its end. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    if (this.#soon !== null) clearTimeout(this.#soon)
    this.#parts.outbox.onMail(() => {})
    this.#again = false
    await this.#working
    this.#parts.transport?.close()
  }

  #workSoon(): void {
    this.#soon ??= globalThis
      .setTimeout(() => {
        this.#soon = null
        this.#work()
      }, AFTER_ANSWER_MS)
      .unref()
  }

  #work(): void {
    const { transport, log } = this.#parts
    if (transport === null) return
    if (this.#working !== null) {
      this.#again = true
      return
    }
    this.#working = this.#sendDue(transport)
      .catch(error => log.warn({ err: error as Error }, 'outbox_unavailable'))
      .finally(() => {
        this.#working = null
        if (!this.#again) return
        this.#again = false
        this.#work()
      })
  }

  async #sendDue(transport: Transport): Promise<void> {
    for (;;) {
      // One at a time: what is taken is this process's for two minutes only.
      const [mail] = await this.#parts.outbox.take(1)
      if (mail === undefined) return
      await this.#send(mail, transport)
    }
  }

  async #send(mail: DueMail, transport: Transport): Promise<void> {
    const { outbox, log } = this.#parts
    try {
      const letter = await this.#write(mail)
      if (letter !== null) await transport.send(letter, mail.id)
    } catch (error) {
      log.warn({ kind: mail.kind, attempts: mail.attempts, err: error as Error }, 'mail_delayed')
      await outbox.retry(mail)
      return
    }
    await this.#noteSent(mail)
    if (mail.kind !== 'nothing') log.info({ kind: mail.kind, user: mail.userId }, 'mail_sent')
  }

  // What was sent and is not noted would be sent again.
  async #noteSent({ id, kind }: DueMail): Promise<void> {
    const { outbox } = this.#parts
    for (let tries = 1; ; tries++) {
      try {
        // Of who is gone nothing stays, the address neither.
        return await (kind === 'account-removed' ? outbox.forget(id) : outbox.done(id))
      } catch (error) {
        if (tries === NOTE_TRIES) throw error
        await setTimeout(NOTE_AGAIN_MS)
      }
    }
  }

  /** The letter, with a token made now; null where there is nothing to say any more. */
  async #write(mail: DueMail) {
    const { users, tokens } = this.#parts
    // Nobody reads mail there (RFC 6761 §6.4): accounts have such an address that have none.
    if (mail.address.endsWith('.invalid')) return null
    const manifest = this.#parts.manifest()
    const links = linksAt(manifest.auth)
    if (mail.kind === 'account-removed') return writeLetter(mail, null, { manifest, token: '', links })
    const account = mail.userId === null ? null : await users.find({ id: mail.userId })
    if (mail.kind === 'nothing' || account === null) return null
    if (mail.kind === 'verify' && (account.user.emailVerified || account.user.email !== mail.address))
      return null
    const purpose = PURPOSE[mail.kind]
    const { user, epoch } = account
    const claims = { userId: user.id, email: mail.address, epoch }
    const token =
      purpose === undefined
        ? ''
        : await tokens.mint(purpose, purpose === 'change-email' ? { ...claims, from: user.email } : claims)
    return writeLetter(mail, user, { manifest, token, links })
  }
}

// The configured address of the service, never the request's: links of mails are followed by others.
function linksAt(auth: string): Links {
  const withToken = (path: string) => (token: string) => `${auth}${path}?${new URLSearchParams({ token })}`
  return {
    verify: withToken('/verify-email'),
    reset: withToken('/password/reset'),
    signIn: `${auth}/signin`,
    forgot: `${auth}/password/forgot`,
    sessions: `${auth}/account/sessions`,
  }
}
