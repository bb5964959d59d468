import { EventEmitter } from 'node:events'
import { sessionHandle } from '../handle.ts'
import type { SessionRecord } from '../session-record.ts'
import type { TicketRecord } from '../ticket-record.ts'
import { sessionKey, ticketKey } from './keys.ts'
import type { BurntTicket, NewTicket, Store } from './store.ts'

interface Held<T> {
  readonly value: T
  until: number
}

const SWEEP_EVERY_MS = 30_000

/** The embedded store: everything in this process's memory, gone when it ends, seen by no other process. */
export class MemoryStore implements Store {
  readonly #sessions = new Map<string, Held<SessionRecord>>()
  readonly #tickets = new Map<string, Held<TicketRecord>>()
  readonly #revocations = new EventEmitter().setMaxListeners(0)
  readonly #sweeper: NodeJS.Timeout

  constructor() {
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref()
  }

  now(): number {
    // Monotonic: a clock that is set back must not give a ticket a second life.
    return Math.floor(performance.timeOrigin + performance.now())
  }

  async start(sid: string, session: SessionRecord, until: number): Promise<void> {
    this.#sessions.set(sessionKey(sid), { value: session, until })
  }

  async read(sid: string): Promise<SessionRecord | null> {
    return this.#live(this.#sessions, sessionKey(sid))?.value ?? null
  }

  async touch(sid: string, until: number): Promise<boolean> {
    const held = this.#live(this.#sessions, sessionKey(sid))
    if (held === null) return false
    held.until = Math.max(held.until, until)
    return true
  }

  async revoke(sid: string): Promise<boolean> {
    const key = sessionKey(sid)
    const lived = this.#live(this.#sessions, key) !== null
    this.#sessions.delete(key)
    this.#revocations.emit('revoked', sessionHandle(sid))
    return lived
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

  async onRevoked(listener: (handle: string) => void): Promise<() => Promise<void>> {
    this.#revocations.on('revoked', listener)
    return async () => {
      this.#revocations.off('revoked', listener)
    }
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
  }

  #live<T>(held: Map<string, Held<T>>, key: string): Held<T> | null {
    const found = held.get(key)
    return found !== undefined && found.until > this.now() ? found : null
  }

  #sweep(): void {
    const now = this.now()
    for (const held of [this.#sessions, this.#tickets]) {
      for (const [key, { until }] of held) if (until <= now) held.delete(key)
    }
  }
}
