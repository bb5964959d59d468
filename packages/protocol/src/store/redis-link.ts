import { Cluster, type Redis } from 'ioredis'
import type { RemoteClock } from './clock.ts'
import { beatChannel, forgetChannel, lanes } from './keys.ts'
import { answered } from './redis-answers.ts'
import type { Reigns } from './redis-reigns.ts'
import type { Watcher } from './store.ts'

// A cache may be believed for 2 s after the last sign of life. Our clock may be slow by the time that an answer took,
// which is 300 ms at most: the rest is left.
const BELIEVED_FOR_MS = 1_700
const SUBSCRIBE_AGAIN_MS = 200

/**
 * The link on which changes of sessions are pushed. It counts as alive by what the auth service says on it, dated by the
 * store: the own end of a connection proves nothing, neither beside a master that was cut off nor on a slow line.
 */
export class RevocationLink {
  readonly #redis: Redis | Cluster
  readonly #subscriber: Redis | Cluster
  readonly #reigns: Reigns
  readonly #clock: RemoteClock
  readonly #lanes: readonly string[]
  readonly #watchers = new Set<Watcher>()
  /** Until when sessions are believed, by the monotonic clock, for each first digit of their handles. */
  readonly #believedUntil = new Float64Array(16)
  #owners = ''
  #timer: NodeJS.Timeout | null = null
  #closed = false

  /** `subscriber` is a connection of the link's own; on a cluster it is `redis` itself, which keeps others for this. */
  constructor(
    redis: Redis | Cluster,
    subscriber: Redis | Cluster,
    parts: { reigns: Reigns; clock: RemoteClock },
  ) {
    this.#redis = redis
    this.#subscriber = subscriber
    this.#reigns = parts.reigns
    this.#clock = parts.clock
    this.#lanes = lanes(redis instanceof Cluster)
    const heard = (channel: string, text: string) => this.#heard(channel, text)
    const broken = () => void this.#believedUntil.fill(0)
    if (subscriber instanceof Cluster) {
      subscriber.on('smessage', heard)
      // A subscription that moves to another connection may miss what is said meanwhile.
      for (const event of ['-node', '-subscriber', '+subscriber', 'close']) subscriber.on(event, broken)
      subscriber.on('refresh', () => {
        const owners = this.#lanes.map(lane => this.#reigns.masterOf(beatChannel(lane))).join()
        if (owners !== this.#owners) broken()
        this.#owners = owners
      })
    } else {
      subscriber.on('message', heard)
      subscriber.on('close', broken)
    }
    subscriber.on('ready', () => void this.#subscribe())
    if (subscriber.status === 'ready') void this.#subscribe()
  }

  add(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  isCurrent(digit: number): boolean {
    return performance.now() < (this.#believedUntil[digit] ?? 0)
  }

  /** Tells all who watch that a session is to be forgotten. */
  async forget(lane: string, handle: string): Promise<void> {
    await this.#publish(forgetChannel(lane), handle)
  }

  /** Shows that this process reaches the masters of all lanes. */
  async beat(): Promise<void> {
    await Promise.all(
      this.#lanes.map(async lane => {
        const channel = beatChannel(lane)
        const { id } = await this.#reigns.of(channel)
        await this.#publish(channel, `${this.#clock.now()} ${id}`)
      }),
    )
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#subscriber !== this.#redis) this.#subscriber.disconnect()
  }

  async #publish(channel: string, text: string): Promise<void> {
    const redis = this.#redis
    await answered(redis instanceof Cluster ? redis.spublish(channel, text) : redis.publish(channel, text))
  }

  #heard(channel: string, text: string): void {
    for (const lane of this.#lanes) {
      if (channel === forgetChannel(lane)) {
        for (const watcher of this.#watchers) watcher.forget(text)
        return
      }
      if (channel === beatChannel(lane)) {
        this.#heardBeat(lane, text)
        return
      }
    }
  }

  #heardBeat(lane: string, text: string): void {
    const [at = '', reign = ''] = text.split(' ', 2)
    // Commands and messages may come from two servers while masters change.
    if (this.#reigns.known(beatChannel(lane))?.id !== reign) return
    const until = this.#clock.local(Number(at)) + BELIEVED_FOR_MS
    if (!(until > performance.now())) return
    // After a silence something may have been missed.
    if (!this.isCurrent(Number.parseInt(lane, 16))) for (const watcher of this.#watchers) watcher.forgetAll()
    if (this.#lanes.length === 1) this.#believedUntil.fill(until)
    else this.#believedUntil[Number.parseInt(lane, 16)] = until
  }

  async #subscribe(): Promise<void> {
    try {
      for (const lane of this.#lanes) {
        const channels = [forgetChannel(lane), beatChannel(lane)] as const
        if (this.#subscriber instanceof Cluster) await this.#subscriber.ssubscribe(...channels)
        else await this.#subscriber.subscribe(...channels)
      }
    } catch {
      // Until it is there, every check asks the store.
      if (this.#closed) return
      this.#timer = setTimeout(() => void this.#subscribe(), SUBSCRIBE_AGAIN_MS).unref()
    }
  }
}
