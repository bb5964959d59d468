import { sessionHandle } from '../handle.ts'
import type { Report, SiteReport } from '../report.ts'
import type { SessionRecord, User } from '../session-record.ts'
import type { TicketRecord } from '../ticket-record.ts'
import { admittedKey, MOST_REPORTS, nonceKey, sessionKey, ticketKey, tombstoneKey } from './keys.ts'
import type { BurntTicket, NewTicket, Revocation, Store, Touch, Watch, Watcher } from './store.ts'

interface Held<T> {
  value: T
  until: number
}

const SWEEP_EVERY_MS = 30_000
// What is said here is heard at once, and for others it counts as long as what is heard of a store elsewhere.
const CURRENT_FOR_MS = 1_700

/** The embedded store: everything in this process's memory, gone when it ends, seen by no other process. */
export class MemoryStore implements Store {
  readonly #sessions = new Map<string, Held<SessionRecord>>()
  readonly #tickets = new Map<string, Held<TicketRecord>>()
  readonly #tombstones = new Map<string, Held<true>>()
  readonly #admitted = new Map<string, Held<Set<string>>>()
  readonly #nonces = new Map<string, Held<true>>()
  readonly #unnoted = new Set<string>()
  readonly #reports = new Map<string, Report[]>()
  readonly #watchers = new Set<Watcher>()
  readonly #sweeper: NodeJS.Timeout

  constructor() {
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref()
  }

  now(): number {
    // Monotonic: a clock that is set back must not give a ticket a second life.
    return Math.floor(performance.timeOrigin + performance.now())
  }

  async start(sid: string, session: SessionRecord, until: number): Promise<boolean> {
    if (this.#live(this.#tombstones, tombstoneKey(sid)) !== null) return false
    const key = sessionKey(sid)
    if (this.#live(this.#sessions, key) === null) this.#sessions.set(key, { value: session, until })
    return true
  }

  async read(sid: string): Promise<SessionRecord | null> {
    const session = this.#live(this.#sessions, sessionKey(sid))?.value ?? null
    return session === null || session.expiresAt <= this.now() ? null : session
  }

  async ends(sids: readonly string[]): Promise<(number | null)[]> {
    return sids.map(sid => this.#live(this.#sessions, sessionKey(sid))?.until ?? null)
  }

  async renew(sid: string, user: User, revision: number): Promise<boolean> {
    const held = this.#live(this.#sessions, sessionKey(sid))
    if (held === null) return false
    if (held.value.revision < revision) held.value = { ...held.value, user, revision }
    this.#forget(sid, 'changed')
    return true
  }

  async touch(touches: readonly Touch[]): Promise<boolean[]> {
    return touches.map(({ sid, until }) => {
      const held = this.#live(this.#sessions, sessionKey(sid))
      if (held !== null) held.until = Math.max(held.until, until)
      return held !== null
    })
  }

  async revoke(sid: string, { rememberUntil, noted }: Revocation): Promise<boolean> {
    const key = sessionKey(sid)
    const session = this.#live(this.#sessions, key)?.value ?? null
    const until = session?.rememberedUntil ?? rememberUntil
    if (until > this.now()) this.#tombstones.set(tombstoneKey(sid), { value: true, until })
    this.#sessions.delete(key)
    if (!noted) this.#unnoted.add(sessionHandle(sid))
    this.#forget(sid, 'ended')
    return session !== null
  }

  async wasRevoked(sid: string): Promise<boolean> {
    return this.#live(this.#tombstones, tombstoneKey(sid)) !== null
  }

  async issue(tickets: readonly NewTicket[]): Promise<void> {
    for (const { ticket, record, until } of tickets) {
      this.#tickets.set(ticketKey(ticket), { value: record, until })
    }
  }

  async redeem(ticket: string): Promise<BurntTicket | null> {
    const key = ticketKey(ticket)
    const held = this.#live(this.#tickets, key)
    this.#tickets.delete(key)
    if (held === null) return null
    return { record: held.value, session: await this.read(held.value.sid) }
  }

  async burn(ticket: string): Promise<boolean> {
    const key = ticketKey(ticket)
    const burnt = this.#live(this.#tickets, key) !== null
    this.#tickets.delete(key)
    return burnt
  }

  watch(watcher: Watcher): Watch {
    this.#watchers.add(watcher)
    return {
      isCurrent: () => true,
      currentFor: () => CURRENT_FOR_MS,
      stop: async () => void this.#watchers.delete(watcher),
    }
  }

  async admit(sid: string, site: string, until: number): Promise<void> {
    const key = admittedKey(sid)
    const held = this.#live(this.#admitted, key)
    const sites = (held?.value ?? new Set()).add(site)
    this.#admitted.set(key, { value: sites, until: Math.max(held?.until ?? 0, until) })
  }

  async admitted(sids: readonly string[], site: string): Promise<boolean[]> {
    return sids.map(sid => this.#live(this.#admitted, admittedKey(sid))?.value.has(site) === true)
  }

  async once(site: string, nonce: string, until: number): Promise<boolean> {
    const key = nonceKey(site, nonce)
    if (this.#live(this.#nonces, key) !== null) return false
    this.#nonces.set(key, { value: true, until })
    return true
  }

  async unnoted(): Promise<string[]> {
    return [...this.#unnoted]
  }

  async noted(handles: readonly string[]): Promise<void> {
    for (const handle of handles) this.#unnoted.delete(handle)
  }

  async report(site: string, reports: readonly Report[]): Promise<void> {
    this.#reports.set(site, [...(this.#reports.get(site) ?? []), ...reports].slice(-MOST_REPORTS))
  }

  async reports(sites: readonly string[]): Promise<SiteReport[]> {
    const taken = sites.flatMap(site => (this.#reports.get(site) ?? []).map(report => ({ site, report })))
    for (const site of sites) this.#reports.delete(site)
    return taken
  }

  async beat(): Promise<void> {}

  evicts(): boolean {
    return false
  }

  /** Nothing is lost while the process lives, and nothing kept when it ends. */
  keep(): void {}

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
  }

  #forget(sid: string, why: 'ended' | 'changed'): void {
    const handle = sessionHandle(sid)
    for (const watcher of this.#watchers) watcher.forget(handle, why === 'ended')
  }

  #live<T>(held: Map<string, Held<T>>, key: string): Held<T> | null {
    const found = held.get(key)
    return found !== undefined && found.until > this.now() ? found : null
  }

  #sweep(): void {
    const now = this.now()
    for (const held of [this.#sessions, this.#tickets, this.#tombstones, this.#admitted, this.#nonces]) {
      for (const [key, { until }] of held) if (until <= now) held.delete(key)
    }
  }
}
