import type { Store } from '@carnet/protocol'
import type { Logger } from 'pino'
import type { Sessions } from './accounts/sessions.ts'
import type { Outbox } from './mail/outbox.ts'

const FOLLOW_EVERY_MS = 500
const SWEEP_EVERY_MS = 600_000
const LISTEN_AGAIN_MS = 1_000

/** Keeps SQL and the store in step while the service runs, and tidies up. */
export class Following {
  readonly #parts: { store: Store; sessions: Sessions; outbox: Outbox; log: Logger }
  readonly #timers: NodeJS.Timeout[]
  #stop: (() => Promise<void>) | null = null
  #closed = false
  #faulty = false
  #running: Promise<void> = Promise.resolve()
  #busy = false

  constructor(parts: { store: Store; sessions: Sessions; outbox: Outbox; log: Logger }) {
    this.#parts = parts
    this.#timers = [
      setInterval(() => this.#follow(), FOLLOW_EVERY_MS).unref(),
      setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref(),
    ]
    void this.#listen()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#running
    await this.#stop?.()
  }

  #follow(): void {
    if (this.#busy) return
    this.#busy = true
    this.#running = this.#parts.sessions
      .follow()
      .then(
        () => {
          this.#faulty = false
        },
        error => {
          // Once per outage, not twice a second.
          if (!this.#faulty) this.#parts.log.warn({ err: error as Error }, 'sessions_not_followed')
          this.#faulty = true
        },
      )
      .finally(() => {
        this.#busy = false
      })
  }

  #sweep(): void {
    const { sessions, outbox, log } = this.#parts
    Promise.all([sessions.sweep(), outbox.sweep()]).then(
      ([, givenUp]) => {
        if (givenUp > 0) log.error({ mails: givenUp }, 'mail_given_up')
      },
      error => log.warn({ err: error as Error }, 'not_swept'),
    )
  }

  /** Hears of sessions that are signed out at sites. What is missed is met by the store's memory of it. */
  async #listen(): Promise<void> {
    const { store, sessions, log } = this.#parts
    while (!this.#closed) {
      try {
        const stop = await store.onRevoked(id => {
          if (this.#closed) return
          sessions
            .endedElsewhere(id)
            .catch(error => log.warn({ err: error as Error }, 'revocation_not_noted'))
        })
        this.#stop = stop
        if (this.#closed) await stop()
        return
      } catch {
        await new Promise(resolve => setTimeout(resolve, LISTEN_AGAIN_MS).unref())
      }
    }
  }
}
