import { PassThrough, type Readable } from 'node:stream'
import { CarnetError, type Store, type Watch } from '@carnet/protocol'
import { nanoid } from 'nanoid'

const BEAT_EVERY_MS = 250
const KEPT = 4_096
const MOST_UNSENT_BYTES = 262_144
// One for each process of its agents; a site in wrong hands must leave connections for the others.
const MOST_OF_A_SITE = 256
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
  readonly #ofSites = new Map<string, number>()
  /** Of this process, and of what it has heard without a gap. */
  #epoch = nanoid(8)
  #count = 0
  #kept: string[] = []

  constructor(store: Store) {
    this.#store = store
    this.#watch = store.watch({
      forget: (handle, ended) => this.#tell(ended === true ? 'ended' : 'changed', handle),
      forgetAll: () => this.#beginAnew(),
    })
    this.#timer = setInterval(() => this.#send(this.#beat()), BEAT_EVERY_MS).unref()
  }

  /** A stream for a site, of what comes after an event, or of what comes from now on. Throws `rate_limited` where it has too many. */
  open(site: string, lastId: string | undefined): Readable {
    const held = this.#ofSites.get(site) ?? 0
    if (held >= MOST_OF_A_SITE) {
      throw new CarnetError('rate_limited', `A site has ${MOST_OF_A_SITE} streams at most.`, {
        retryAfter: 1,
      })
    }
    this.#ofSites.set(site, held + 1)
    const stream = new PassThrough()
    stream.on('close', () => {
      this.#streams.delete(stream)
      this.#ofSites.set(site, (this.#ofSites.get(site) ?? 1) - 1)
    })
    this.#streams.add(stream)
    const missed = this.#since(lastId)
    stream.write(missed ?? this.#event('missed', ''))
    stream.write(this.#beat())
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

  #beat(): string {
    let now: number
    try {
      now = this.#store.now()
    } catch {
      // Without the store's time nothing can be believed anyway.
      return ''
    }
    const left = DIGITS.map(digit => Math.floor(this.#watch.currentFor(digit)))
    return `event: beat\ndata: ${JSON.stringify({ now, left })}\n\n`
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
