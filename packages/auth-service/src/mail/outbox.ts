import { nanoid } from 'nanoid'
import { asked, type Database, type OutboxRow } from '../accounts/database.ts'

/** What a mail is about. `nothing` is a mail to nobody: it costs what the others cost, and is not sent. */
export type MailKind =
  | 'verify'
  | 'taken'
  | 'reset'
  | 'change-email'
  | 'change-asked'
  | 'email-changed'
  | 'password-changed'
  | 'stolen'
  | 'new-device'
  | 'account-removed'
  | 'nothing'

/** A mail to be written and sent. */
export interface NewMail {
  readonly kind: MailKind
  readonly address: string
  /** Whom it concerns, or null. */
  readonly userId: string | null
  readonly details: MailDetails
}

/** What a mail has to know beside its user. */
export interface MailDetails {
  /** Tag of the language. */
  readonly language: string
  /** Id of the site whose brand it bears; absent for the general one. */
  readonly site?: string
  /** The other address, in mails that are about two. */
  readonly other?: string
  /** Where it happened: a device, a network, and ms since epoch; in mails about a deed. */
  readonly device?: string
  readonly network?: string
  readonly at?: number
  /** What it stands in for, so that both count alike. */
  readonly insteadOf?: MailKind
  /** True where an address is sent one of its kind a minute at most. */
  readonly limited?: boolean
}

/** A mail that is due. */
export interface DueMail extends NewMail {
  readonly id: string
  readonly attempts: number
}

const LEASE_MS = 120_000
const FIRST_RETRY_MS = 5_000
const LAST_RETRY_MS = 3_600_000
/** A mail that could not be sent for so long is given up. */
const GIVE_UP_MS = 7 * 86_400_000
/** What was sent is remembered for so long: limits count it. */
const KEPT_MS = 86_400_000

/** The row of a new mail. */
export function mailRow(mail: NewMail, now: number = Date.now()): OutboxRow {
  const { insteadOf = mail.kind, limited = false } = mail.details
  return {
    id: nanoid(),
    kind: mail.kind,
    address: mail.address,
    user_id: mail.userId,
    details: JSON.stringify(mail.details),
    created_at: now,
    due_at: now,
    attempts: 0,
    sent_at: null,
    slot: limited ? `${insteadOf} ${mail.address} ${Math.floor(now / 60_000)}` : null,
  }
}

/** The mails on their way, in SQL: a dead mail server delays them, and several processes send each once. */
export class Outbox {
  readonly #database: Database
  #nudge: () => void = () => {}

  constructor(database: Database) {
    this.#database = database
  }

  /** Called whenever a mail was put in. */
  onMail(nudge: () => void): void {
    this.#nudge = nudge
  }

  /** Puts a mail in. False for a limited one whose minute is taken: of parallel calls one gets it. */
  async put(mail: NewMail): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await asked(
      this.#database
        .insertInto('outbox')
        .values(mailRow(mail))
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirstOrThrow(),
    )
    this.#nudge()
    return numInsertedOrUpdatedRows === 1n
  }

  /** Says that a mail was put in by other means, as within a transaction. */
  nudge(): void {
    this.#nudge()
  }

  /** How long ago, in ms, mails of this kind were asked for at an address: the latest first, a day back. */
  async asked(kind: MailKind, address: string): Promise<number[]> {
    const now = Date.now()
    const rows = await asked(
      this.#database
        .selectFrom('outbox')
        .select(['kind', 'details', 'created_at'])
        .where('address', '=', address)
        .where('created_at', '>', now - KEPT_MS)
        .orderBy('created_at', 'desc')
        .execute(),
    )
    return rows
      .filter(row => row.kind === kind || (JSON.parse(row.details) as MailDetails).insteadOf === kind)
      .map(row => now - row.created_at)
  }

  /** Takes mails that are due, each for this process alone for two minutes. */
  async take(most: number): Promise<DueMail[]> {
    const now = Date.now()
    const rows = await asked(
      this.#database
        .selectFrom('outbox')
        .selectAll()
        .where('sent_at', 'is', null)
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .limit(most)
        .execute(),
    )
    const taken: DueMail[] = []
    for (const row of rows) {
      const { numUpdatedRows } = await asked(
        this.#database
          .updateTable('outbox')
          .set({ due_at: now + LEASE_MS, attempts: row.attempts + 1 })
          .where('id', '=', row.id)
          .where('sent_at', 'is', null)
          .where('due_at', '=', row.due_at)
          .executeTakeFirst(),
      )
      if (numUpdatedRows !== 1n) continue
      taken.push({
        id: row.id,
        kind: row.kind as MailKind,
        address: row.address,
        userId: row.user_id,
        details: JSON.parse(row.details) as MailDetails,
        attempts: row.attempts + 1,
      })
    }
    return taken
  }

  /** Says that a mail was sent, or that there was nothing to send. */
  async done(id: string): Promise<void> {
    await asked(
      this.#database.updateTable('outbox').set({ sent_at: Date.now() }).where('id', '=', id).execute(),
    )
  }

  /** Forgets a mail that was sent. */
  async forget(id: string): Promise<void> {
    await asked(this.#database.deleteFrom('outbox').where('id', '=', id).execute())
  }

  /** Puts a mail back, to be tried again: after 5 s, then twice as long each time, up to an hour. */
  async retry({ id, attempts }: DueMail): Promise<void> {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS)
    await asked(
      this.#database
        .updateTable('outbox')
        .set({ due_at: Date.now() + wait })
        .where('id', '=', id)
        .execute(),
    )
  }

  /** Forgets what was sent a day ago, and gives up what could not be sent for a week; how many those were. */
  async sweep(): Promise<number> {
    const now = Date.now()
    await asked(
      this.#database
        .deleteFrom('outbox')
        .where('sent_at', '<', now - KEPT_MS)
        .execute(),
    )
    const { numDeletedRows } = await asked(
      this.#database
        .deleteFrom('outbox')
        .where('sent_at', 'is', null)
        .where('created_at', '<', now - GIVE_UP_MS)
        .executeTakeFirst(),
    )
    return Number(numDeletedRows)
  }
}
