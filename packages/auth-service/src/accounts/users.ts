import { CarnetError, type User } from '@carnet/protocol'
import { nanoid } from 'nanoid'
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

/** The accounts. */
export class Users {
  readonly #database: Database
  readonly #passwords: Passwords

  constructor(database: Database, passwords: Passwords) {
    this.#database = database
    this.#passwords = passwords
  }

  /** The user whose address and password these are. Throws `invalid_credentials` alike for either being wrong. */
  async authenticate(email: string, password: string): Promise<User> {
    const address = normalizeEmail(email)
    const row =
      address === null
        ? undefined
        : await asked(
            this.#database.selectFrom('users').selectAll().where('email', '=', address).executeTakeFirst(),
          )
    // Unknown users cost one verification as well, or the time would tell who has an account.
    const matches = await this.#passwords.verify(password, row?.password_hash ?? null)
    if (row === undefined || !matches) {
      throw new CarnetError('invalid_credentials', 'The e-mail address or the password is wrong.')
    }
    return toUser(row)
  }

  /** Adds a user. Throws `invalid_input` for a faulty address and `email_taken` for one that is there. */
  async add(user: NewUser): Promise<User> {
    const email = normalizeEmail(user.email)
    if (email === null) {
      throw new CarnetError('invalid_input', 'This is no e-mail address.', {
        fields: { email: 'Give an e-mail address such as name@example.com.' },
      })
    }
    const row: UserRowToInsert = {
      id: nanoid(),
      email,
      name: user.name,
      password_hash: await this.#passwords.hash(user.password),
      email_verified: user.emailVerified === true ? 1 : 0,
      roles: JSON.stringify(user.roles ?? []),
      created_at: Date.now(),
    }
    const { numInsertedOrUpdatedRows } = await asked(
      this.#database
        .insertInto('users')
        .values(row)
        .onConflict(conflict => conflict.column('email').doNothing())
        .executeTakeFirstOrThrow(),
    )
    if (numInsertedOrUpdatedRows === 0n) {
      throw new CarnetError('email_taken', 'There is an account with this e-mail address.')
    }
    return toUser(row)
  }

  /** All users, by address. */
  async list(): Promise<User[]> {
    const rows = await asked(this.#database.selectFrom('users').selectAll().orderBy('email').execute())
    return rows.map(toUser)
  }
}

type UserRowToInsert = Omit<UserRow, 'email_verified' | 'roles'> & { email_verified: number; roles: string }
type StoredUser = Pick<UserRowToInsert, 'id' | 'name' | 'email' | 'email_verified' | 'roles'>

function toUser(row: StoredUser): User {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    emailVerified: row.email_verified === 1,
    roles: JSON.parse(row.roles) as string[],
  }
}
