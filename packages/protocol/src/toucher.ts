import { touchSession } from './session.ts'
import type { SessionRecord } from './session-record.ts'
import type { Store } from './store/store.ts'

const TOUCH_EVERY_MS = 60_000
const MOST_REMEMBERED = 50_000

/** Slides the idle end of sessions that are used, at most once a minute each, off the request's road: nobody waits. */
export class Toucher {
  readonly #store: Store
  /** When which sid was last touched, by the monotonic clock; least recent first. */
  readonly #touchedAt = new Map<string, number>()

  constructor(store: Store) {
    this.#store = store
  }

  /** Touches a session where that is due. `idle` in ms. */
  touch(sid: string, record: SessionRecord, idle: number): void {
    const now = performance.now()
    const last = this.#touchedAt.get(sid)
    if (last !== undefined && now - last < Math.min(TOUCH_EVERY_MS, idle / 4)) return
    // Map keeps the order of insertion, so the first is the one touched longest ago.
    this.#touchedAt.delete(sid)
    if (this.#touchedAt.size >= MOST_REMEMBERED)
      this.#touchedAt.delete(this.#touchedAt.keys().next().value ?? '')
    this.#touchedAt.set(sid, now)
    touchSession(this.#store, sid, record, idle).catch(() => {
      // The next request tries again.
      this.#touchedAt.delete(sid)
    })
  }
}
