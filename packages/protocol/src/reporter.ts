import type { Report } from './report.ts'
import type { AgentStore } from './store/store.ts'

const TOGETHER_MS = 250
// Refusals cost who provokes them nothing: a flood of them costs the store no more than this, and hides no sign-out.
const MOST_REFUSALS = 100
const MOST_TOGETHER = 200

/**
 * Tells the audit log what happens at a site, off the request's road: nobody waits, and what cannot be told is let go.
 * What comes within 250 ms goes out together, of refusals the first 100.
 */
export class Reporter {
  readonly #store: AgentStore
  readonly #site: string
  #held: Report[] = []

  constructor(store: AgentStore, site: string) {
    this.#store = store
    this.#site = site
  }

  /** Takes what has happened now. Throws nothing. */
  note(report: Omit<Report, 'at'>): void {
    const most = report.outcome === 'ok' ? MOST_TOGETHER : MOST_REFUSALS
    if (this.#held.length >= most) return
    try {
      this.#held.push({ ...report, at: this.#store.now() })
    } catch {
      // Before the first contact there is nobody to tell.
      return
    }
    if (this.#held.length === 1) setTimeout(() => void this.flush(), TOGETHER_MS).unref()
  }

  /** Sends what is held. Throws nothing. */
  async flush(): Promise<void> {
    const held = this.#held
    this.#held = []
    if (held.length > 0) await this.#store.report(this.#site, held).catch(() => {})
  }
}
