import { touchSessions, type Used } from './session.ts'
import type { AgentStore } from './store/store.ts'

const TOUCH_EVERY_MS = 60_000
const TOGETHER_MS = 50
const MOST_REMEMBERED = 50_000

/** How often a session that is used is touched, in ms: once a minute, or four times an idle time that is short. */
export function touchEvery(idle: number): number {
  return Math.min(TOUCH_EVERY_MS, idle / 4)
}

interface Due extends Used {
  readonly told: (isLive: boolean) => void
}

/**
 * Slides the idle end of sessions that are used, off the request's road: nobody waits. Those that are due within some
 * 50 ms go out together.
 */
export class Toucher {
  readonly #store: AgentStore
  /** When which sid was last touched, by the monotonic clock; least recent first. */
  readonly #touchedAt = new Map<string, number>()
  #due: Due[] = []

  constructor(store: AgentStore) {
    this.#store = store
  }

  /** Touches a session unless that was done lately: then false. `idle` in ms; `told` hears whether it was there, and nothing where the store does not answer. */
  touch(sid: string, session: Used['session'], idle: number, told: Due['told'] = () => {}): boolean {
    const now = performance.now()
    const last = this.#touchedAt.get(sid)
    if (last !== undefined && now - last < touchEvery(idle)) return false
    // Map keeps the order of insertion, so the first is the one touched longest ago.
    this.#touchedAt.delete(sid)
    if (this.#touchedAt.size >= MOST_REMEMBERED)
      this.#touchedAt.delete(this.#touchedAt.keys().next().value ?? '')
    this.#touchedAt.set(sid, now)
    if (this.#due.length === 0) setTimeout(() => this.#flush(), TOGETHER_MS).unref()
    this.#due.push({ sid, session, idle, told })
    return true
  }

  async #flush(): Promise<void> {
    const due = this.#due
    this.#due = []
    try {
      const live = await touchSessions(this.#store, due)
      for (const [index, { told }] of due.entries()) told(live[index] === true)
    } catch {
      // The next request tries again.
      for (const { sid } of due) this.#touchedAt.delete(sid)
    }
  }
}
