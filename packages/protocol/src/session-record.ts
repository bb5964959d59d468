import { CarnetError } from './errors.ts'

/** What the sites may know of a user. */
export interface User {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly emailVerified: boolean
  readonly roles: readonly string[]
}

/** One browser signed in as one user: the shared record behind a `sid`. Moments are ms since epoch on the store's clock. */
export interface SessionRecord {
  readonly user: User
  /** When the session began. */
  readonly startedAt: number
  /** When the user last gave a password. */
  readonly authenticatedAt: number
  /** The absolute end; no touch moves it. */
  readonly expiresAt: number
}

/** The length of a sid: 192 random bits. */
export const SID_LENGTH = 32

const TAG_LENGTH = 8
const SID = /^[\w-]{32}$/

/** Whether a value from outside has the shape of a sid: 32 characters of nanoid's alphabet (192 bits). */
export function isSid(value: string): boolean {
  return SID.test(value)
}

/** The part of a sid that its tickets share, so that a Redis Cluster keeps them in one slot. 144 random bits of the sid remain outside it. */
export function tagOf(sid: string): string {
  return sid.slice(0, TAG_LENGTH)
}

const FORMAT = 1

/** The stored form: a JSON array, since the same keys in every record would cost more than the values. */
export function serializeSession(session: SessionRecord): string {
  const { user } = session
  return JSON.stringify([
    FORMAT,
    user.id,
    user.name,
    user.email,
    user.emailVerified ? 1 : 0,
    user.roles,
    session.startedAt,
    session.authenticatedAt,
    session.expiresAt,
  ])
}

/** Reads the stored form. Throws `internal` for anything that this version did not write. */
export function parseSession(stored: string): SessionRecord {
  let parts: unknown
  try {
    parts = JSON.parse(stored)
  } catch (cause) {
    throw unreadable(cause)
  }
  if (!Array.isArray(parts) || parts.length !== 9 || parts[0] !== FORMAT) throw unreadable()
  const [, id, name, email, verified, roles, startedAt, authenticatedAt, expiresAt] = parts as unknown[]
  if (
    typeof id !== 'string' ||
    typeof name !== 'string' ||
    typeof email !== 'string' ||
    !Array.isArray(roles) ||
    !roles.every(role => typeof role === 'string') ||
    typeof startedAt !== 'number' ||
    typeof authenticatedAt !== 'number' ||
    typeof expiresAt !== 'number'
  ) {
    throw unreadable()
  }
  const user: User = { id, name, email, emailVerified: verified === 1, roles }
  return { user, startedAt, authenticatedAt, expiresAt }
}

function unreadable(cause?: unknown): CarnetError {
  return new CarnetError('internal', 'The store holds a session record this version cannot read.', { cause })
}
