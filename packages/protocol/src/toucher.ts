import { touchSession } from './session.ts'
import type { SessionRecord } from './session-record.ts'
import type { Store } from './store/store.ts'

const TOUCH_EVERY_MS = 60_000
const TOGETHER_MS = 50
const MOST_REMEMBERED = 50_000

/** How often a session that is used is touched, in ms: once a minute, or four times an idle time that is short. */
export function touchEvery(idle: number): number {
  return Math.min(TOUCH_EVERY_MS, idle / 4)
}

interface Due {
  readonly record: Pick<SessionRecord, 'expiresAt'>
  readonly idle: number
  readonly told: (isLive: boolean) => void
}

/**
 * Slides the idle end of sessions that are used, off the request's road: nobody waits. Those that are due within some
 * 50 ms go out together.
 */
export class Toucher {
  readonly #store: Store
  /** When which sid was last touched, by the monotonic clock; least recent first. */
  readonly #touchedAt = new Map<string, number>()
  readonly #due = new Map<string, Due>()

  constructor(store: Store) {
    this.#store = store
  }

  /** Touches a session unless that was done lately: then false. `idle` in ms; `told` hears whether it was there, and nothing where the store does not answer. */
  touch(
    sid: string,
    record: Pick<SessionRecord, 'expiresAt'>,
    idle: number,
    told: Due['told'] = () => {},
  ): boolean {
    const now = performance.now()
    const last = this.#touchedAt.get(sid)
    if (last !== undefined && now - last < touchEvery(idle)) return false
    // Map keeps the order of insertion, so the first is the one touched longest ago.
    this.#touchedAt.delete(sid)
    if (this.#touchedAt.size >= MOST_REMEMBERED)
      this.#touchedAt.delete(this.#touchedAt.keys().next().value ?? '')
    this.#touchedAt.set(sid, now)
    if (this.#due.size === 0) setTimeout(() => this.#flush(), TOGETHER_MS).unref()
    this.#due.set(sid, { record, idle, told })
    return true
  }

  #flush(): void {
    const due = [...this.#due]
    this.#due.clear()
    for (const [sid, { record, idle, told }] of due) {
      touchSession(this.#store, sid, record, idle)
        .then(told)
        // The next request tries again.
        .catch(() => this.#touchedAt.delete(sid))
    }
  }
}
