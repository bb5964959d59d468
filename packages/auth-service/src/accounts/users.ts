import { CarnetError, type User } from '@carnet/protocol'
import type { Selectable } from 'kysely'
import { nanoid } from 'nanoid'
import type { Backend } from './backend.ts'
import { asked, type Database, type UserRow } from './database.ts'
import { normalizeEmail } from './email.ts'
import type { Passwords } from './passwords.ts'

/** A user to be added. */
export interface NewUser {
  email: string
  password: string
  name: string
  /** Default: false. */
  emailVerified?: boolean
  /** Default: none. */
  roles?: readonly string[]
}

/** A user with what concerns the service alone. Moments are ms since epoch. */
export interface Account {
  readonly user: User
  /** Counts what ends every remembered browser and every mailed link. */
  readonly epoch: number
  /** Counts the changes of what sites may know. */
  readonly revision: number
  readonly disabled: boolean
  readonly hasPassword: boolean
  readonly createdAt: number
}

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

type Where = { id: string } | { email: string }

/** The accounts. Whoever changes one has `Sessions.follow` bring the change to the live sessions. */
export class Users {
  readonly #database: Database
  readonly #passwords: Passwords
  readonly #backend: Backend | null

  /** With a `backend`, that one judges passwords, and none are kept here. */
  constructor(database: Database, passwords: Passwords, backend: Backend | null = null) {
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
    if (this.#backend !== null) return this.#authenticateElsewhere(this.#backend, address ?? email, password)
    const row = address === null ? undefined : await this.#row({ email: address })
    // Unknown users cost one verification as well, or the time would tell who has an account.
    const hash = row?.password_hash ?? null
    const matches = await this.#passwords.verify(password, hash)
    if (row === undefined || hash === null || !matches || row.disabled_at !== null) throw wrong()
    if (this.#passwords.isOutdated(hash)) await this.#upgrade(row.id, hash, password)
    return toAccount(row)
  }

  /** Whether this is the user's password. Throws `store_unavailable`. */
  async verifyPassword(id: string, password: string): Promise<boolean> {
    const row = await this.#row({ id })
    if (this.#backend === null) return this.#passwords.verify(password, row?.password_hash ?? null)
    return row !== undefined && (await this.#backend.ask(row.email, password)) !== null
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
   * Changes a user; the account as it is then, or null where there is no such user. Throws `email_taken`.
   */
  async change(id: string, { newEpoch, disabled, ...claims }: UserChange): Promise<Account | null> {
    const updating = (database: Database) =>
      database
        .updateTable('users')
        .set(row => ({
          ...(claims.name !== undefined && { name: claims.name }),
          ...(claims.email !== undefined && { email: claims.email }),
          ...(claims.emailVerified !== undefined && { email_verified: claims.emailVerified ? 1 : 0 }),
          ...(claims.roles !== undefined && { roles: JSON.stringify(claims.roles) }),
          ...(disabled !== undefined && { disabled_at: disabled ? Date.now() : null }),
          ...(newEpoch === true && { epoch: row('epoch', '+', 1) }),
          revision: row('revision', '+', 1),
        }))
        .where('id', '=', id)
    if (claims.email !== undefined && (await this.#row({ email: claims.email })) !== undefined) throw taken()
    const changing = this.#database.transaction().execute(async transaction => {
      await updating(transaction).execute()
      await transaction.updateTable('sessions').set({ stale: 1 }).where('user_id', '=', id).execute()
    })
    await asked(changing).catch(async error => {
      // The address may have been taken in this very moment.
      if (claims.email !== undefined && (await this.find({ email: claims.email })) !== null) throw taken()
      throw error
    })
    return this.find({ id })
  }

  /** Sets a password, and voids remembered browsers and mailed links. */
  async setPassword(id: string, password: string): Promise<void> {
    const password_hash = await this.hash(password)
    await asked(
      this.#database
        .updateTable('users')
        .set(row => ({ password_hash, epoch: row('epoch', '+', 1) }))
        .where('id', '=', id)
        .execute(),
    )
  }

  /** Removes a user. Who calls this ends the sessions first. */
  async remove(id: string): Promise<void> {
    await asked(this.#database.deleteFrom('users').where('id', '=', id).execute())
  }

  #row(where: Where): Promise<Selectable<UserRow> | undefined> {
    const query = this.#database.selectFrom('users').selectAll()
    return asked(
      ('id' in where
        ? query.where('id', '=', where.id)
        : query.where('email', '=', where.email)
      ).executeTakeFirst(),
    )
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

  /** Asks the backend, and keeps a row of our own for what hangs on it: roles, sessions, whether it is disabled. */
  async #authenticateElsewhere(backend: Backend, email: string, password: string): Promise<Account> {
    const known = await backend.ask(email, password)
    if (known === null) throw wrong()
    const { id, ...claims } = known
    const here = await this.find({ id })
    if (here === null) {
      const fresh = { ...newRow({ ...claims, roles: claims.roles ?? [] }, null), id }
      if (!(await asked(insertUser(this.#database, fresh)))) {
        const same = await this.find({ id })
        if (same !== null) return same
        throw new CarnetError('internal', 'The backend gave one address to two users.')
      }
      return toAccount(fresh)
    }
    if (here.disabled) throw wrong()
    const { name, email: address, emailVerified, roles = here.user.roles } = claims
    const same = JSON.stringify([name, address, emailVerified, roles])
    const { user } = here
    if (same === JSON.stringify([user.name, user.email, user.emailVerified, user.roles])) return here
    const change = { name, emailVerified, roles, ...(address !== user.email && { email: address }) }
    return (await this.change(id, change)) ?? here
  }
}

/** A whole row of `users`. */
export type WholeUserRow = Selectable<UserRow>

/** The row of a new user. */
export function newRow(user: Omit<NewUser, 'password'>, hash: string | null): WholeUserRow {
  return {
    id: nanoid(),
    email: user.email,
    name: user.name,
    password_hash: hash,
    email_verified: user.emailVerified === true ? 1 : 0,
    roles: JSON.stringify(user.roles ?? []),
    created_at: Date.now(),
    epoch: 0,
    revision: 0,
    disabled_at: null,
  }
}

/** Inserts a row. False where the address, or the id, is there. */
export async function insertUser(database: Database, row: WholeUserRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await database
    .insertInto('users')
    .values(row)
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows !== 0n
}

/** Reads a row. */
export function toAccount(row: WholeUserRow): Account {
  return {
    user: {
      id: row.id,
      name: row.name,
      email: row.email,
      emailVerified: row.email_verified === 1,
      roles: JSON.parse(row.roles) as string[],
    },
    epoch: row.epoch,
    revision: row.revision,
    disabled: row.disabled_at !== null,
    hasPassword: row.password_hash !== null,
    createdAt: row.created_at,
  }
}

function wrong(): CarnetError {
  return new CarnetError('invalid_credentials', 'The e-mail address or the password is wrong.')
}

function taken(): CarnetError {
  return new CarnetError('email_taken', 'There is an account with this e-mail address.')
}
