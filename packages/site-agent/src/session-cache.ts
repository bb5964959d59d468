import {
  type AgentStore,
  CarnetError,
  type SessionRecord,
  sessionHandle,
  Toucher,
  touchEvery,
  type Watch,
} from '@carnet/protocol'
import { LRUCache } from 'lru-cache'
import { type Session, sessionOf, textOf, toSession } from './session.ts'

/** A live session with the sid that opens it; the sid stays inside the agent. */
export interface OpenSession {
  readonly sid: string
  readonly session: Session
}

/** How sessions are kept in memory. */
export interface CacheOptions {
  /** How many at most; 0 keeps none. */
  readonly sessions: number
  /** For how many ms one that was known last is served while the store is away; 0 for not at all. */
  readonly staleFor: number
}

// Handles fall into 2^17 parts by their first digits. To forget a session is to count the turn at which its part was
// forgotten: that needs no index, and voids what is being read as well. Others of the part are read once more.
const PARTS = 2 ** 17
const TICK_MS = 100
const MOST_TURNS = 3
// For how long a session counts whose touch was not answered.
const UNTIL_TOLD_MS = 1_000
const OBSERVE_EVERY_MS = 100

/**
 * Sessions that were read lately, by the cookie that showed them: what is found here was verified when it was read. It
 * is believed only while nothing can have been missed (see `Watch`); then a check costs neither a read nor an HMAC.
 */
export class SessionCache {
  readonly #store: AgentStore
  readonly #staleFor: number
  readonly #toucher: Toucher
  readonly #watch: Watch
  readonly #entries: LRUCache<string, Entry> | null
  readonly #forgottenAt = new Float64Array(PARTS)
  readonly #reading = new Map<
    string,
    { readonly begunAt: number; readonly record: Promise<SessionRecord | null> }
  >()
  #turn = 0
  /** When the link was last seen to be current, for each first digit of a handle. */
  readonly #currentAt = new Float64Array(16).fill(Number.NEGATIVE_INFINITY)
  readonly #observer: NodeJS.Timeout | null

  /** `ended` hears of every session that is revoked, wherever, as long as the link lives. */
  constructor(
    store: AgentStore,
    { sessions, staleFor }: CacheOptions,
    ended: (handle: string) => void = () => {},
  ) {
    this.#store = store
    this.#staleFor = staleFor
    this.#toucher = new Toucher(store)
    this.#entries = sessions === 0 ? null : new LRUCache({ max: sessions })
    this.#watch = store.watch({
      forget: (handle, isOver) => {
        this.forget(handle)
        if (isOver === true) ended(handle)
      },
      forgetAll: () => void this.#forgottenAt.fill(++this.#turn),
    })
    // How long the store has been away must not depend on how busy the site was before.
    this.#observer = staleFor === 0 ? null : setInterval(() => this.#observe(), OBSERVE_EVERY_MS).unref()
    this.#observe()
  }

  /** The session that a cookie's value is known to open, or null where that has to be read. `idle` in ms. */
  find(cookie: string, idle: number): OpenSession | null {
    const entry = this.#entries?.get(cookie)
    if (entry === undefined || !this.#watch.isCurrent(digitOf(entry.part))) return null
    const now = performance.now()
    if (!this.#holds(entry, now)) return null
    const open = { sid: sidOf(cookie), session: entry.session() }
    if (entry.touchAt <= now / TICK_MS) {
      this.#touch(open.sid, { entry, expiresAt: open.session.expiresAt, idle })
    }
    return open
  }

  /** Reads the session of a sid whose cookie was verified. Throws `store_unavailable`. */
  async read(cookie: string, sid: string, idle: number): Promise<OpenSession | null> {
    const handle = sessionHandle(sid)
    try {
      for (let turn = 1; ; turn++) {
        const begunAt = this.#turn
        const record = await this.#readTogether(sid, handle)
        // What was forgotten meanwhile may have been read before it changed.
        if ((this.#forgottenAt[partOf(handle)] ?? 0) > begunAt && turn < MOST_TURNS) continue
        return this.#take(cookie, sid, { record, handle, begunAt, idle })
      }
    } catch (error) {
      const stale = this.#stale(cookie)
      if (stale === null || !(error instanceof CarnetError) || error.code !== 'store_unavailable') throw error
      return stale
    }
  }

  /** Counts what is known of a session no longer. */
  forget(handle: string): void {
    const part = partOf(handle)
    if (part < PARTS) this.#forgottenAt[part] = ++this.#turn
  }

  async close(): Promise<void> {
    if (this.#observer !== null) clearInterval(this.#observer)
    await this.#watch.stop()
  }

  /** Parallel reads of one session are one, unless nobody would say that it changed meanwhile. */
  #readTogether(sid: string, handle: string): Promise<SessionRecord | null> {
    const part = partOf(handle)
    const underWay = this.#reading.get(sid)
    const counts = underWay !== undefined && underWay.begunAt >= (this.#forgottenAt[part] ?? 0)
    if (counts && this.#watch.isCurrent(digitOf(part))) return underWay.record
    const reading = { begunAt: this.#turn, record: this.#store.read(sid) }
    this.#reading.set(sid, reading)
    const over = () => {
      if (this.#reading.get(sid) === reading) this.#reading.delete(sid)
    }
    reading.record.then(over, over)
    return reading.record
  }

  #take(
    cookie: string,
    sid: string,
    read: { record: SessionRecord | null; handle: string; begunAt: number; idle: number },
  ): OpenSession | null {
    const { record, handle, begunAt, idle } = read
    if (record === null) {
      this.#entries?.delete(cookie)
      return null
    }
    const session = toSession(handle, record)
    const text = this.#entries === null ? null : textOf(session)
    const entry = new Entry(text ?? '', partOf(handle), begunAt)
    entry.endsAfter(Math.min(UNTIL_TOLD_MS, this.#leftUntil(session.expiresAt)), performance.now())
    // A part of a string would keep the whole header in memory.
    if (text !== null) this.#entries?.set(Buffer.from(cookie, 'latin1').toString('latin1'), entry)
    this.#touch(sid, { entry, expiresAt: session.expiresAt, idle })
    return { sid, session }
  }

  #touch(sid: string, of: { entry: Entry; expiresAt: number; idle: number }): void {
    const { entry, expiresAt, idle } = of
    const now = performance.now()
    const isDue = this.#toucher.touch(sid, { expiresAt }, idle, isLive => {
      if (isLive) entry.endsAfter(Math.min(idle, this.#leftUntil(expiresAt)), now)
      // Another cookie may have opened it too.
      else this.#forgottenAt[entry.part] = ++this.#turn
    })
    entry.touchAt = toTick(now + touchEvery(idle)) + 1
    // One that was touched lately has the rest of its idle time; of any other that is unknown until the answer comes.
    if (!isDue) entry.endsAfter(Math.min(idle - touchEvery(idle), this.#leftUntil(expiresAt)), now)
  }

  #leftUntil(moment: number): number {
    try {
      return moment - this.#store.now()
    } catch {
      return 0
    }
  }

  #observe(): void {
    const now = performance.now()
    for (const digit of this.#currentAt.keys()) if (this.#watch.isCurrent(digit)) this.#currentAt[digit] = now
  }

  #holds(entry: Entry, now: number): boolean {
    return entry.begunAt >= (this.#forgottenAt[entry.part] ?? 0) && now / TICK_MS < entry.until
  }

  #stale(cookie: string): OpenSession | null {
    const now = performance.now()
    const entry = this.#entries?.get(cookie)
    if (entry === undefined || !this.#holds(entry, now)) return null
    if (now - (this.#currentAt[digitOf(entry.part)] ?? 0) > this.#staleFor) return null
    return { sid: sidOf(cookie), session: entry.session() }
  }
}

/** A session in memory, as text: that takes half of what its objects would, and is read in a quarter of a microsecond. */
class Entry {
  readonly #text: string
  readonly part: number
  /** The turn at which it was read. */
  readonly begunAt: number
  /** Until when it can be told without the store, and when it is to be touched; ticks of the monotonic clock. */
  until = 0
  touchAt = 0

  constructor(text: string, part: number, begunAt: number) {
    this.#text = text
    this.part = part
    this.begunAt = begunAt
  }

  session(): Session {
    return sessionOf(this.#text)
  }

  endsAfter(ms: number, now: number): void {
    this.until = toTick(now + ms)
  }
}

/** A moment of the monotonic clock in ticks: a small integer takes no memory of its own, as a number with a fraction would. */
function toTick(ms: number): number {
  return (ms / TICK_MS) | 0
}

function partOf(handle: string): number {
  return Number.parseInt(handle.slice(0, 5), 16) >> 3
}

/** The first digit of the handles of a part. */
function digitOf(part: number): number {
  return part >> 13
}

function sidOf(cookie: string): string {
  return cookie.slice(0, cookie.indexOf('.'))
}
