import type { LiveManifest, Store, Watch } from '@carnet/protocol'
import type { Logger } from 'pino'
import type { Audit } from './accounts/audit.ts'
import type { Sessions } from './accounts/sessions.ts'
import type { Outbox } from './mail/outbox.ts'

const FOLLOW_EVERY_MS = 500
const BEAT_EVERY_MS = 400
const COLLECT_EVERY_MS = 1_000
// What an agent says of time is believed within this.
const OLDEST_REPORT_MS = 86_400_000
const SWEEP_EVERY_MS = 600_000
// While masters change, an ending may be noted in SQL by a process that reaches the old one.
const REPLAY_AGAIN_FOR_MS = 10_000

/** What is wrong with a store that evicts, and what to do. */
export const EVICTS =
  "The store throws sessions away when its memory is full: set Redis' maxmemory-policy to noeviction."

interface Parts {
  readonly store: Store
  readonly sessions: Sessions
  readonly outbox: Outbox
  readonly audit: Audit
  readonly manifest: LiveManifest
  readonly log: Logger
  /** Whether a store that throws away what it holds is none to serve with. */
  readonly refusesEviction: boolean
}

/** Keeps SQL and the store in step while the service runs, shows agents that it lives, and tidies up. */
export class Following {
  readonly #parts: Parts
  readonly #timers: NodeJS.Timeout[]
  readonly #watch: Watch
  readonly #follow: Task
  readonly #note: Task
  readonly #beat: Task
  readonly #collect: Task
  #replayedAt = Number.NEGATIVE_INFINITY

  constructor(parts: Parts) {
    this.#parts = parts
    const { store, sessions, log } = parts
    this.#follow = new Task(log, 'sessions_not_followed', async () => {
      await sessions.follow()
      const since = Date.now() - this.#replayedAt
      if (since < REPLAY_AGAIN_FOR_MS)
        await sessions.replay({ since: this.#replayedAt - REPLAY_AGAIN_FOR_MS })
    })
    this.#note = new Task(log, 'revocations_not_noted', () => sessions.noteEndedElsewhere())
    this.#beat = new Task(log, 'store_not_kept', async () => {
      await store.beat()
      if (parts.refusesEviction && store.evicts()) throw new TypeError(EVICTS)
    })
    this.#collect = new Task(log, 'reports_not_collected', () => this.#collectReports())
    store.keep(async () => {
      await sessions.replay()
      this.#replayedAt = Date.now()
      log.info('store_put_in_order')
    })
    // What is signed out at a site is noted at once; what is missed here is met by the next turn.
    this.#watch = store.watch({ forget: () => this.#note.run(), forgetAll: () => this.#note.run() })
    this.#timers = [
      setInterval(() => this.#follow.run(), FOLLOW_EVERY_MS),
      setInterval(() => this.#note.run(), FOLLOW_EVERY_MS),
      setInterval(() => this.#beat.run(), BEAT_EVERY_MS),
      setInterval(() => this.#collect.run(), COLLECT_EVERY_MS),
      setInterval(() => this.#sweep(), SWEEP_EVERY_MS),
    ].map(timer => timer.unref())
  }

  /** Whether the store was reached lately, and took what was written. */
  get keepsStore(): boolean {
    return this.#beat.succeeds
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#watch.stop()
    await Promise.all([this.#follow, this.#note, this.#beat, this.#collect].map(task => task.stop()))
  }

  /** Takes what the agents have told into the audit log. */
  async #collectReports(): Promise<void> {
    const { store, audit, manifest, log } = this.#parts
    const sites = manifest.current.sites.map(({ id }) => id)
    const dropped = (site: string) => log.warn({ site }, 'reports_dropped')
    for (const { site, report } of await store.reports(sites, dropped)) {
      const now = Date.now()
      const at = Math.max(now - OLDEST_REPORT_MS, Math.min(report.at, now))
      const { event, outcome, prefix, session } = report
      audit.note({ event, outcome, prefix, session, at, site, actor: 'site' })
    }
  }

  #sweep(): void {
    const { sessions, outbox, audit, log } = this.#parts
    Promise.all([sessions.sweep(), outbox.sweep(), audit.sweep()]).then(
      ([, givenUp]) => {
        if (givenUp > 0) log.error({ mails: givenUp }, 'mail_given_up')
      },
      error => log.warn({ err: error as Error }, 'not_swept'),
    )
  }
}

/** Something that is done again and again, never twice at once; asked for while under way, it is done once more. */
class Task {
  readonly #log: Logger
  readonly #fault: string
  readonly #work: () => Promise<unknown>
  #running: Promise<void> | null = null
  #again = false
  #stopped = false
  succeeds = true

  constructor(log: Logger, fault: string, work: () => Promise<unknown>) {
    this.#log = log
    this.#fault = fault
    this.#work = work
  }

  run(): void {
    if (this.#running !== null) {
      this.#again = true
      return
    }
    if (this.#stopped) return
    this.#running = this.#once().finally(() => {
      this.#running = null
      const again = this.#again
      this.#again = false
      if (again) this.run()
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #once(): Promise<void> {
    try {
      await this.#work()
      this.succeeds = true
    } catch (error) {
      // Once per outage, not twice a second.
      if (this.succeeds) this.#log.warn({ err: error as Error }, this.#fault)
      this.succeeds = false
    }
  }
}
