import { PassThrough, type Readable } from 'node:stream'
import type { Store, Watch } from '@carnet/protocol'
import { nanoid } from 'nanoid'

const BEAT_EVERY_MS = 250
const KEPT = 4_096
const MOST_UNSENT_BYTES = 262_144
const DIGITS = [...Array(16).keys()]

/**
 * What is to be forgotten, for agents that reach no Redis: server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). Who was away goes on behind the last event that it
 * heard, as long as this process still has what came after; else it is told to forget all.
 */
export class Feed {
  readonly #store: Store
  readonly #watch: Watch
  readonly #timer: NodeJS.Timeout
  readonly #streams = new Set<PassThrough>()
  /** Of this process, and of what it has heard without a gap. */
  #epoch = nanoid(8)
  #count = 0
  #kept: string[] = []

  constructor(store: Store) {
    this.#store = store
    this.#watch = store.watch({
      forget: handle => this.#tell('changed', handle),
      ended: handle => this.#tell('ended', handle),
      forgetAll: () => this.#beginAnew(),
    })
    this.#timer = setInterval(() => this.#beat(), BEAT_EVERY_MS).unref()
  }

  /** A stream of what comes after an event, or of what comes from now on. */
  open(lastId: string | undefined): Readable {
    const stream = new PassThrough()
    stream.on('close', () => this.#streams.delete(stream))
    this.#streams.add(stream)
    const missed = this.#since(lastId)
    stream.write(missed ?? this.#event('missed', ''))
    this.#beat()
    return stream
  }

  /** Ends all streams: agents go to another process, or come back to the next one. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    for (const stream of this.#streams) stream.end()
    await this.#watch.stop()
  }

  #tell(name: 'changed' | 'ended', handle: string): void {
    this.#count += 1
    const event = this.#event(name, handle)
    this.#kept.push(event)
    if (this.#kept.length > 2 * KEPT) this.#kept = this.#kept.slice(-KEPT)
    this.#send(event)
  }

  #beginAnew(): void {
    this.#epoch = nanoid(8)
    this.#count = 0
    this.#kept = []
    this.#send(this.#event('missed', ''))
  }

  /** What came after an event; null where that is not known. */
  #since(id: string | undefined): string | null {
    const [, epoch, count] = /^([\w-]{8})\.(\d{1,15})$/.exec(id ?? '') ?? []
    const behind = this.#count - Number(count)
    if (epoch !== this.#epoch || behind < 0 || behind > this.#kept.length) return null
    const missed = behind === 0 ? '' : this.#kept.slice(-behind).join('')
    // More than a stream may hold would cut it off at once, and again each time that it came back.
    return missed.length > MOST_UNSENT_BYTES / 2 ? null : missed
  }

  #beat(): void {
    let now: number
    try {
      now = this.#store.now()
    } catch {
      // Without the store's time nothing can be believed anyway.
      return
    }
    const left = DIGITS.map(digit => Math.floor(this.#watch.currentFor(digit)))
    this.#send(`event: beat\ndata: ${JSON.stringify({ now, left })}\n\n`)
  }

  #event(name: 'changed' | 'ended' | 'missed', data: string): string {
    return `id: ${this.#epoch}.${this.#count}\nevent: ${name}\ndata: ${data}\n\n`
  }

  #send(text: string): void {
    for (const stream of this.#streams) {
      // Who does not read comes back and is told what was missed.
      if (stream.writableLength > MOST_UNSENT_BYTES) stream.destroy()
      else stream.write(text)
    }
  }
}
