import { setTimeout as wait } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { answers } from '../wire.ts'
import type { RemoteClock } from './clock.ts'
import type { HttpRequests } from './http-requests.ts'
import type { Watcher } from './store.ts'

const SILENT_FOR_MS = 2_000
const LONGEST_EVENT = 65_536
const CLOCK_IS_OFF_MS = 1_000
const AGAIN_AFTER_MS = [50, 200, 500, 1_000] as const

/**
 * The auth service's stream of what is to be forgotten. It is believed as a link to Redis is: by what the service says
 * on it of its own link, dated by the store. After a break it goes on behind the last event that was heard, or is told
 * that something was missed.
 */
export class HttpLink {
  readonly #requests: HttpRequests
  readonly #clock: RemoteClock
  readonly #clockIsOff: () => void
  readonly #onError: (error: Error) => void
  readonly #watchers = new Set<Watcher>()
  /** Until when sessions are believed, by the monotonic clock, for each first digit of their handles. */
  readonly #believedUntil = new Float64Array(16)
  readonly #closed = new AbortController()
  #lastId: string | null = null
  #heardAt = Number.NEGATIVE_INFINITY

  /** `clockIsOff` hears of beats that are older or younger than the clock can tell, and has it read anew. */
  constructor(
    requests: HttpRequests,
    {
      clock,
      clockIsOff,
      onError,
    }: { clock: RemoteClock; clockIsOff: () => void; onError: (error: Error) => void },
  ) {
    this.#requests = requests
    this.#clock = clock
    this.#clockIsOff = clockIsOff
    this.#onError = onError
    void this.#keepListening()
  }

  add(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  isCurrent(digit: number): boolean {
    return performance.now() < (this.#believedUntil[digit] ?? 0)
  }

  currentFor(digit: number): number {
    return Math.max(0, (this.#believedUntil[digit] ?? 0) - performance.now())
  }

  close(): void {
    this.#closed.abort()
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#closed
    for (let turn = 0; !signal.aborted; turn++) {
      const openedAt = performance.now()
      try {
        await this.#listen()
      } catch (error) {
        if (!signal.aborted) this.#onError(error as Error)
      }
      this.#believedUntil.fill(0)
      if (this.#heardAt > openedAt) turn = 0
      const pause = AGAIN_AFTER_MS[Math.min(turn, AGAIN_AFTER_MS.length - 1)] ?? 0
      // By chance, so that not all agents come anew in one moment.
      await wait(pause * (0.5 + Math.random()), undefined, { ref: false, signal }).catch(() => {})
    }
  }

  /** Hears one answer to its end. Throws at a silence, since a connection may be gone without a word. */
  async #listen(): Promise<void> {
    const silence = new AbortController()
    const watchdog = setTimeout(
      () => silence.abort(new Error('The stream is silent.')),
      SILENT_FOR_MS,
    ).unref()
    const headers = {
      accept: 'text/event-stream',
      ...(this.#lastId !== null && { 'last-event-id': this.#lastId }),
    }
    const signal = AbortSignal.any([silence.signal, this.#closed.signal])
    try {
      const stream = await this.#requests.open('/v1/revocations', headers, signal)
      // It is no reason for a process to live.
      stream.socket.unref()
      const parser = createParser({
        maxBufferSize: LONGEST_EVENT,
        onEvent: event => {
          this.#heard(event.event ?? '', event.data)
          // Only what was carried out counts as heard.
          if (event.id !== undefined) this.#lastId = event.id
        },
      })
      stream.setEncoding('utf8')
      for await (const chunk of stream as AsyncIterable<string>) {
        parser.feed(chunk)
        this.#heardAt = performance.now()
        watchdog.refresh()
      }
    } finally {
      clearTimeout(watchdog)
    }
  }

  #heard(event: string, data: string): void {
    for (const watcher of this.#watchers) {
      if (event === 'ended' || event === 'changed') watcher.forget(data, event === 'ended')
      if (event === 'missed') watcher.forgetAll()
    }
    if (event !== 'beat') return
    const { now, left } = answers.beat.parse(JSON.parse(data))
    // A stream tells no time: on a way that grows slower all of it comes late, and what is late would look new.
    const said = this.#clock.localAtEarliest(now)
    // Or the store is another one, which keeps another time.
    if (!(Math.abs(performance.now() - said) < CLOCK_IS_OFF_MS)) this.#clockIsOff()
    if (Number.isNaN(said)) return
    // What was heard now was not said later, whatever the clocks say.
    const from = Math.min(said, performance.now())
    for (const [digit, ms] of left.entries()) this.#believedUntil[digit] = ms === 0 ? 0 : from + ms
  }
}
