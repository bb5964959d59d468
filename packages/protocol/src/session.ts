import { setTimeout } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import { CarnetError } from './errors.ts'
import type { Store } from './store/store.ts'

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

/** How long sessions live, in ms: `idle` after the last touch, `absolute` after the start. */
export interface SessionLife {
  readonly idle: number
  readonly absolute: number
}

const SID_LENGTH = 32
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

/** Starts a session under a new sid; an id that a client sent is never adopted. Throws `store_unavailable`. */
export async function startSession(
  store: Store,
  user: User,
  life: SessionLife,
): Promise<{ sid: string; session: SessionRecord }> {
  const now = store.now()
  const session: SessionRecord = {
    user,
    startedAt: now,
    authenticatedAt: now,
    expiresAt: now + life.absolute,
  }
  const sid = nanoid(SID_LENGTH)
  await store.start(sid, session, idleEnd(store, session, life.idle))
  return { sid, session }
}

/** Moves the idle end of a live session. False where there is none: a touch never brings a revoked session back. */
export async function touchSession(
  store: Store,
  sid: string,
  session: SessionRecord,
  idle: number,
): Promise<boolean> {
  return store.touch(sid, idleEnd(store, session, idle))
}

function idleEnd(store: Store, session: SessionRecord, idle: number): number {
  return Math.min(store.now() + idle, session.expiresAt)
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

// Below the second that a request may take, with room for the answer.
const REVOKE_WITHIN_MS = 800

/**
 * Ends a session at every site, and returns only once the store has said so: a revoke may be repeated, so it is,
 * for up to 800 ms. False where the session had ended already. Throws `store_unavailable`.
 */
export async function revokeSession(store: Store, sid: string): Promise<boolean> {
  const deadline = performance.now() + REVOKE_WITHIN_MS
  for (;;) {
    try {
      return await store.revoke(sid)
    } catch (error) {
      if (performance.now() + 100 > deadline) throw error
      await setTimeout(100)
    }
  }
}
