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
  /** Counts the changes of the user: of two writers of `user` the one with the higher number is right. */
  readonly revision: number
  /** Until when the browser can come back without a password; 0 where it is not remembered. */
  readonly rememberedUntil: number
}

/**
 * Whether the password was given in this very session, and within `maxAge` seconds; less than 10 count as 10, the time
 * of a way back. A session that a remembered browser came back to is never fresh.
 */
export function isFresh(
  session: Pick<SessionRecord, 'startedAt' | 'authenticatedAt'>,
  maxAge: number,
  now: number,
): boolean {
  const { startedAt, authenticatedAt } = session
  return authenticatedAt >= startedAt && now - authenticatedAt <= Math.max(maxAge, 10) * 1000
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

const FORMAT = 2
const HEAD = /^2 (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/

/**
 * The stored form: a line of numbers, which scripts in the store read, and below it what the sites may know of the
 * user, a JSON array, since the same keys in every record would cost more than the values.
 */
export function serializeSession(session: SessionRecord): string {
  const { rememberedUntil, revision, startedAt, authenticatedAt, expiresAt } = session
  const head = [FORMAT, rememberedUntil, revision, startedAt, authenticatedAt, expiresAt].join(' ')
  return `${head}\n${serializeUser(session.user)}`
}

/** Until when the browser of a stored session is remembered: see `rememberedUntil`. */
export function rememberedUntilOf(stored: string): number {
  return Number(stored.split(' ', 2)[1])
}

/** The lower part of the stored form. */
export function serializeUser(user: User): string {
  return JSON.stringify([user.id, user.name, user.email, user.emailVerified ? 1 : 0, user.roles])
}

/** Reads the stored form. Throws `internal` for anything that this version did not write. */
export function parseSession(stored: string): SessionRecord {
  const end = stored.indexOf('\n')
  const head = HEAD.exec(stored.slice(0, end))
  if (head === null) throw unreadable()
  const [, rememberedUntil, revision, startedAt, authenticatedAt, expiresAt] = head.map(Number)
  const user = parseUser(stored.slice(end + 1))
  return { user, startedAt, authenticatedAt, expiresAt, revision, rememberedUntil } as SessionRecord
}

function parseUser(stored: string): User {
  let parts: unknown
  try {
    parts = JSON.parse(stored)
  } catch (cause) {
    throw unreadable(cause)
  }
  if (!Array.isArray(parts) || parts.length !== 5) throw unreadable()
  const [id, name, email, verified, roles] = parts as unknown[]
  if (
    typeof id !== 'string' ||
    typeof name !== 'string' ||
    typeof email !== 'string' ||
    !Array.isArray(roles) ||
    !roles.every(role => typeof role === 'string')
  ) {
    throw unreadable()
  }
  return { id, name, email, emailVerified: verified === 1, roles }
}

function unreadable(cause?: unknown): CarnetError {
  return new CarnetError('internal', 'The store holds a session record this version cannot read.', { cause })
}
