import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Manifest } from '@carnet/protocol'
import { nanoid } from 'nanoid'
import type { AuditEvent } from '../accounts/audit.ts'
import type { Database } from '../accounts/database.ts'
import { Passwords } from '../accounts/passwords.ts'
import { Users } from '../accounts/users.ts'

const DOMAIN = '@carnet.invalid'
const PREFIX = 'doctor-'
const LEFT_BEHIND_MS = 600_000
// A site's report takes a second to arrive, and the service looks at ended sessions twice a second.
const SETTLED_WITHIN_MS = 3_000
const NOTED_AFTER_MS = 200
const LOOK_EVERY_MS = 50

/** An account for some seconds. Nobody is told of it, and no mail is sent to it: its address leads nowhere. */
export class TemporaryAccount {
  readonly id: string
  readonly email: string
  readonly password: string
  readonly #database: Database
  readonly #sessions = new Set<string>()

  private constructor(database: Database, who: { id: string; email: string; password: string }) {
    this.#database = database
    this.id = who.id
    this.email = who.email
    this.password = who.password
  }

  /** Makes one straight in the database, where all tables have to be. What an earlier one has left, having been killed, goes. */
  static async open(database: Database, { accounts }: Manifest): Promise<TemporaryAccount> {
    await removeLeftBehind(database)
    const email = `${PREFIX}${nanoid().toLowerCase()}${DOMAIN}`
    const password = randomBytes(24).toString('base64url')
    const passwords = new Passwords(() => accounts.password.cost)
    try {
      const users = new Users(database, passwords)
      // Private, nobody signs in without. No page that asks for it is visited.
      const emailVerified = accounts.signUp === 'private'
      const { id } = await users.add({ email, password, name: 'carnet doctor', emailVerified })
      return new TemporaryAccount(database, { id, email, password })
    } finally {
      await passwords.close()
    }
  }

  /** The network that the service saw the account's one session begin in, as `192.0.2.*`; null where it has none. */
  async network(): Promise<string | null> {
    const rows = await this.#database
      .selectFrom('sessions')
      .select(['id', 'address'])
      .where('user_id', '=', this.id)
      .execute()
    for (const { id } of rows) this.#sessions.add(id)
    return rows[0]?.address ?? null
  }

  /**
   * Removes the account, and what was noted of it once the service has ended its sessions. False where it has not ended
   * them in time: then their rows stay, and it does so as soon as it can. `deeds` are those that the audit log hears of.
   */
  async remove(deeds: ReadonlySet<AuditEvent>): Promise<boolean> {
    await this.network()
    // What is noted later could not be told from what others did: the audit log does not name who is gone.
    await setTimeout(NOTED_AFTER_MS)
    await this.#within(async () => {
      const noted = await this.#deeds()
      return [...deeds].every(deed => noted.has(deed))
    })
    await forgetDeeds(this.#database, this.id)
    await removeUsers(this.#database, [this.id])
    const isOver = await this.#within(() => this.#isOver())
    if (isOver) await this.#forgetSessions()
    return isOver
  }

  async #within(holds: () => Promise<boolean>): Promise<boolean> {
    for (const deadline = performance.now() + SETTLED_WITHIN_MS; ; await setTimeout(LOOK_EVERY_MS)) {
      if (await holds()) return true
      if (performance.now() > deadline) return false
    }
  }

  async #deeds(): Promise<Set<string>> {
    const rows = this.#database.selectFrom('audit').select('event').where('user_id', '=', this.id)
    return new Set((await rows.execute()).map(({ event }) => event))
  }

  async #isOver(): Promise<boolean> {
    if (this.#sessions.size === 0) return true
    const rows = this.#database
      .selectFrom('sessions')
      .select('id')
      .where('id', 'in', [...this.#sessions])
    return (await rows.where('stale', '=', 1).execute()).length === 0
  }

  async #forgetSessions(): Promise<void> {
    const ids = ['', ...this.#sessions]
    await this.#database.deleteFrom('session_sites').where('session_id', 'in', ids).execute()
    await this.#database.deleteFrom('sessions').where('id', 'in', ids).execute()
  }
}

/** Removes accounts; the service that runs ends their sessions by itself. */
async function removeUsers(database: Database, ids: readonly string[]): Promise<void> {
  await database.transaction().execute(async transaction => {
    await transaction.deleteFrom('users').where('id', 'in', ids).execute()
    await transaction.deleteFrom('remember_series').where('user_id', 'in', ids).execute()
    await transaction.deleteFrom('outbox').where('user_id', 'in', ids).execute()
    await transaction
      .updateTable('sessions')
      .set(row => ({ stale: 1, ended_at: row.fn.coalesce('ended_at', row.val(Date.now())) }))
      .where('user_id', 'in', ids)
      .execute()
  })
}

async function forgetDeeds(database: Database, id: string): Promise<void> {
  await database.deleteFrom('audit').where('user_id', '=', id).execute()
}

async function removeLeftBehind(database: Database): Promise<void> {
  const rows = await database
    .selectFrom('users')
    .select('id')
    .where('email', 'like', `${PREFIX}%${DOMAIN}`)
    .where('created_at', '<', Date.now() - LEFT_BEHIND_MS)
    .execute()
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return
  for (const id of ids) await forgetDeeds(database, id)
  await removeUsers(database, ids)
}
