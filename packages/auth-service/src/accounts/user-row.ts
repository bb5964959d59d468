import type { User } from '@carnet/protocol'
import type { Selectable } from 'kysely'
import { nanoid } from 'nanoid'
import type { Database, UserRow } from './database.ts'

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
  readonly createdAt: number
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
    external_id: null,
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
    createdAt: row.created_at,
  }
}
