import { setTimeout } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import { CarnetError } from './errors.ts'
import { type SessionRecord, SID_LENGTH, type User } from './session-record.ts'
import type { AgentStore, Store } from './store/store.ts'

/** How long sessions live, in ms: `idle` after the last touch, `absolute` after the start. */
export interface SessionLife {
  readonly idle: number
  readonly absolute: number
}

/** What may be said of a new session. */
export interface NewSession {
  /** Default: a new one. Never an id that a client sent. */
  readonly sid?: string
  /** When the user gave the password. Default: now. */
  readonly authenticatedAt?: number
  /** Default: 0. */
  readonly revision?: number
  /** Default: 0, not remembered. */
  readonly rememberedUntil?: number
}

/** A new sid. */
export function newSid(): string {
  return nanoid(SID_LENGTH)
}

/**
 * Starts a session. Several calls with one sid start one session, and none for a sid that was revoked: that throws
 * `session_gone`. Throws `store_unavailable`.
 */
export async function startSession(
  store: Store,
  user: User,
  life: SessionLife,
  { sid = newSid(), authenticatedAt, revision = 0, rememberedUntil = 0 }: NewSession = {},
): Promise<{ sid: string; session: SessionRecord }> {
  const now = store.now()
  const session: SessionRecord = {
    user,
    startedAt: now,
    authenticatedAt: authenticatedAt ?? now,
    expiresAt: now + life.absolute,
    revision,
    rememberedUntil,
  }
  if (!(await store.start(sid, session, idleEnd(store, session, life.idle)))) {
    throw new CarnetError('session_gone', 'This session has ended.')
  }
  return { sid, session }
}

/** A session that is used, and its idle time in ms. */
export interface Used {
  readonly sid: string
  readonly session: Pick<SessionRecord, 'expiresAt'>
  readonly idle: number
}

/** Moves the idle ends of live sessions. False for each that is gone: a touch never brings a revoked session back. */
export async function touchSessions(store: AgentStore, used: readonly Used[]): Promise<boolean[]> {
  return store.touch(used.map(({ sid, session, idle }) => ({ sid, until: idleEnd(store, session, idle) })))
}

function idleEnd(store: AgentStore, session: Pick<SessionRecord, 'expiresAt'>, idle: number): number {
  return Math.min(store.now() + idle, session.expiresAt)
}

// Below the second that a request may take, with room for the answer.
const REVOKE_WITHIN_MS = 800
const LAST_TRY_MS = 100

/** What may be said of a revocation. */
export interface SessionEnd {
  /** For how long in ms it is kept in mind where nobody can say whether the browser is remembered; 0 changes nothing there. */
  readonly remember: number
  /** True where SQL has it already. Default: false. */
  readonly noted?: boolean
}

/**
 * Ends a session at every site, and returns only once the store has said so: a revoke may be repeated, so it is,
 * for up to 800 ms. False where the session had ended already. Throws `store_unavailable`, after 900 ms at most: a try
 * that is under way then may still succeed.
 */
export async function revokeSession(
  store: AgentStore,
  sid: string,
  { remember, noted = false }: SessionEnd,
): Promise<boolean> {
  const deadline = performance.now() + REVOKE_WITHIN_MS
  for (;;) {
    try {
      // None at all, where nothing is to be kept in mind: one that ends now would take the place of a longer one.
      const rememberUntil = remember === 0 ? 0 : store.now() + remember
      const left = deadline + LAST_TRY_MS - performance.now()
      return await within(left, store.revoke(sid, { rememberUntil, noted }))
    } catch (cause) {
      if (performance.now() + 100 > deadline) {
        throw new CarnetError(
          'store_unavailable',
          'The sign-out could not be confirmed. Try again in a moment.',
          {
            cause,
          },
        )
      }
      await setTimeout(100)
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = setTimeout(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error('The store is still at it.')
  })
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
