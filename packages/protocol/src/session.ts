import { setTimeout } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import { type SessionRecord, SID_LENGTH, type User } from './session-record.ts'
import type { Store } from './store/store.ts'

/** How long sessions live, in ms: `idle` after the last touch, `absolute` after the start. */
export interface SessionLife {
  readonly idle: number
  readonly absolute: number
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
