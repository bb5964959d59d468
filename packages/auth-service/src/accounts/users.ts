import { CarnetError, type User } from '@carnet/protocol'
import type { ExpressionBuilder, Selectable } from 'kysely'
import type { Backend } from './backend.ts'
import { asked, type Database, type Tables, type UserRow } from './database.ts'
import { normalizeEmail } from './email.ts'
import type { Passwords } from './passwords.ts'
import { type Account, insertUser, type NewUser, newRow, toAccount } from './user-row.ts'

/** A change of a user. */
export interface UserChange {
  name?: string
  email?: string
  emailVerified?: boolean
  roles?: readonly string[]
  disabled?: boolean
  /** True: every remembered browser and mailed link of the user is void. */
  newEpoch?: boolean
}

type Where = { id: string } | { email: string } | { externalId: string }

/** The accounts. Whoever changes one has `Sessions.follow` bring the change to the live sessions. */
export class Users {
  readonly #database: Database
  readonly #passwords: Passwords
  readonly #backend: () => Backend | null

  /** With a `backend`, that one judges passwords, and none are kept here. */
  constructor(database: Database, passwords: Passwords, backend: () => Backend | null = () => null) {
    this.#database = database
    this.#passwords = passwords
    this.#backend = backend
  }

  /**
   * The account whose address and password these are. Throws `invalid_credentials` alike for who is unknown, disabled
   * or wrong, and `store_unavailable`.
   */
  async authenticate(email: string, password: string): Promise<Account> {
    const address = normalizeEmail(email)
    const backend = this.#backend()
    if (backend !== null) return this.#authenticateElsewhere(backend, address ?? email, password)
    const row = address === null ? undefined : await this.#row({ email: address })
    // Unknown and disabled users cost one verification as well, or the time would tell who has an account.
    const hash = row === undefined || row.disabled_at !== null ? null : row.password_hash
    const matches = await this.#passwords.verify(password, hash)
    if (row === undefined || hash === null || !matches) throw wrong()
    if (this.#passwords.isOutdated(hash)) await this.#upgrade(row.id, hash, password)
    return toAccount(row)
  }

  /** Whether this is the user's password. Throws `store_unavailable`. */
  async verifyPassword(id: string, password: string): Promise<boolean> {
    const row = await this.#row({ id })
    return this.#passwords.verify(password, row?.password_hash ?? null)
  }

  /** The account, or null. */
  async find(where: Where): Promise<Account | null> {
    const row = await this.#row(where)
    return row === undefined ? null : toAccount(row)
  }

  /** The hash to keep of a password. */
  async hash(password: string): Promise<string> {
    return this.#passwords.hash(password)
  }

  /** Adds a user. Throws `invalid_input` for a faulty address and `email_taken` for one that is there. */
  async add(user: NewUser): Promise<User> {
    const email = normalizeEmail(user.email)
    if (email === null) {
      throw new CarnetError('invalid_input', 'This is no e-mail address.', {
        fields: { email: 'Give an e-mail address such as name@example.com.' },
      })
    }
    const row = newRow({ ...user, email }, await this.hash(user.password))
    if (!(await asked(insertUser(this.#database, row)))) {
      throw new CarnetError('email_taken', 'There is an account with this e-mail address.')
    }
    return toAccount(row).user
  }

  /** All accounts, by address. */
  async list(): Promise<Account[]> {
    const rows = await asked(this.#database.selectFrom('users').selectAll().orderBy('email').execute())
    return rows.map(toAccount)
  }

  /**
   * Changes a user; the account as it is then, or null where there is no such user, or it is not as
   * `expected` any more. Throws `email_taken`.
   */
  async change(
    id: string,
    { newEpoch, disabled, ...claims }: UserChange,
    expected?: { readonly epoch: number; readonly email: string },
  ): Promise<Account | null> {
    const change = (row: ExpressionBuilder<Tables, 'users'>) => ({
      ...(claims.name !== undefined && { name: claims.name }),
      ...(claims.email !== undefined && { email: claims.email }),
      ...(claims.emailVerified !== undefined && { email_verified: claims.emailVerified ? 1 : 0 }),
      ...(claims.roles !== undefined && { roles: JSON.stringify(claims.roles) }),
      ...(disabled !== undefined && { disabled_at: disabled ? Date.now() : null }),
      ...(newEpoch === true && { epoch: row('epoch', '+', 1) }),
      revision: row('revision', '+', 1),
    })
    const changing = this.#database.transaction().execute(async transaction => {
      let updating = transaction.updateTable('users').set(change).where('id', '=', id)
      if (expected !== undefined) {
        updating = updating.where('epoch', '=', expected.epoch).where('email', '=', expected.email)
      }
      const { numUpdatedRows } = await updating.executeTakeFirst()
      await markSessions(transaction, id)
      return numUpdatedRows === 1n
    })
    const changed = await asked(changing).catch(async error => {
      const holder = claims.email === undefined ? null : await this.find({ email: claims.email })
      throw holder === null || holder.user.id === id ? error : taken()
    })
    if (!changed) return null
    return this.find({ id })
  }

  /**
   * Sets a password, and voids remembered browsers, mailed links and sessions. False where they were voided since
   * `epoch` was read: what was allowed then may not be now.
   */
  async setPassword(id: string, password: string, epoch: number): Promise<boolean> {
    const password_hash = await this.hash(password)
    return asked(
      this.#database.transaction().execute(async transaction => {
        const { numUpdatedRows } = await transaction
          .updateTable('users')
          .set(row => ({ password_hash, epoch: row('epoch', '+', 1) }))
          .where('id', '=', id)
          .where('epoch', '=', epoch)
          .where('disabled_at', 'is', null)
          .executeTakeFirst()
        await markSessions(transaction, id)
        return numUpdatedRows === 1n
      }),
    )
  }

  #row(where: Where): Promise<Selectable<UserRow> | undefined> {
    const query = this.#database.selectFrom('users').selectAll()
    const found =
      'id' in where
        ? query.where('id', '=', where.id)
        : 'email' in where
          ? query.where('email', '=', where.email)
          : query.where('external_id', '=', where.externalId)
    return asked(found.executeTakeFirst())
  }

  /** A hash made elsewhere or at another cost becomes ours, unless the password was changed meanwhile. */
  async #upgrade(id: string, from: string, password: string): Promise<void> {
    const password_hash = await this.hash(password)
    const upgrading = this.#database
      .updateTable('users')
      .set({ password_hash })
      .where('id', '=', id)
      .where('password_hash', '=', from)
    await asked(upgrading.execute())
  }

  /**
   * Asks the backend, and keeps a row of our own for what hangs on it: roles, sessions, whether it is disabled. The
   * backend is right about addresses: a row that nobody claimed becomes the user's, and one whose address went to
   * another user gives way.
   */
  async #authenticateElsewhere(backend: Backend, email: string, password: string): Promise<Account> {
    const known = await backend.ask(email, password)
    if (known === null) throw wrong()
    const { externalId, ...claims } = known
    const holder = await this.#row({ email: claims.email })
    const own = (await this.#row({ externalId })) ?? (holder?.external_id === null ? holder : undefined)
    if (holder !== undefined && holder.id !== own?.id) {
      await this.change(holder.id, {
        email: `${holder.id.toLowerCase()}@moved.invalid`,
        emailVerified: false,
      })
    }
    if (own === undefined) {
      const fresh = { ...newRow({ ...claims, roles: claims.roles ?? [] }, null), external_id: externalId }
      if (await asked(insertUser(this.#database, fresh))) return toAccount(fresh)
      // The user came in twice at this moment.
      const same = await this.#row({ externalId })
      if (same === undefined) throw new CarnetError('store_unavailable', 'The accounts changed meanwhile.')
      return toAccount(same)
    }
    if (own.disabled_at !== null) throw wrong()
    if (own.external_id === null) await this.#claim(own.id, externalId)
    const { user } = toAccount(own)
    const { name, email: address, emailVerified, roles = user.roles } = claims
    const before = JSON.stringify([user.name, user.email, user.emailVerified, user.roles])
    if (JSON.stringify([name, address, emailVerified, roles]) === before) return toAccount(own)
    return (await this.change(own.id, { name, email: address, emailVerified, roles })) ?? toAccount(own)
  }

  async #claim(id: string, externalId: string): Promise<void> {
    const claiming = this.#database.updateTable('users').set({ external_id: externalId, password_hash: null })
    await asked(claiming.where('id', '=', id).where('external_id', 'is', null).execute())
  }
}

// The store hears of it by `Sessions.follow`, whatever becomes of this process.
async function markSessions(database: Database, userId: string): Promise<void> {
  await database.updateTable('sessions').set({ stale: 1 }).where('user_id', '=', userId).execute()
}

function wrong(): CarnetError {
  return new CarnetError('invalid_credentials', 'The e-mail address or the password is wrong.')
}

function taken(): CarnetError {
  return new CarnetError('email_taken', 'There is an account with this e-mail address.')
}
