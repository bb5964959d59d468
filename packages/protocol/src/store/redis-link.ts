import { Cluster, type Redis } from 'ioredis'
import type { RemoteClock } from './clock.ts'
import { beatChannel, forgetChannel, lanes } from './keys.ts'
import { answered } from './redis-answers.ts'
import type { Reigns } from './redis-reigns.ts'
import type { Watcher } from './store.ts'

// A cache may be believed for 2 s after the last sign of life. Our clock may be slow by the time that an answer took,
// which is 300 ms at most: the rest is left.
const BELIEVED_FOR_MS = 1_700
const LOOK_AFTER_MS = 250
const ENDED = 'ended'
// By chance between four and eight seconds, so that not all agents come anew in one moment.
const MOST_SILENT_TURNS = 16

/**
 * The link on which changes of sessions are pushed. It counts as alive by what the auth service says on it, dated by the
 * store: the own end of a connection proves nothing, neither beside a master that was cut off nor on a slow line.
 */
export class RevocationLink {
  readonly #redis: Redis | Cluster
  readonly #connect: () => Redis | Cluster
  readonly #reigns: Reigns
  readonly #clock: RemoteClock
  readonly #lanes: readonly string[]
  readonly #watchers = new Set<Watcher>()
  /** Until when sessions are believed, by the monotonic clock, for each first digit of their handles. */
  readonly #believedUntil = new Float64Array(16)
  readonly #timer: NodeJS.Timeout
  #subscriber: Redis | Cluster
  #isSubscribed = false
  #silentTurns = 0
  #owners = ''

  /** `connect` makes connections of the link's own. */
  constructor(
    redis: Redis | Cluster,
    { connect, reigns, clock }: { connect: () => Redis | Cluster; reigns: Reigns; clock: RemoteClock },
  ) {
    this.#redis = redis
    this.#connect = connect
    this.#reigns = reigns
    this.#clock = clock
    this.#lanes = lanes(redis instanceof Cluster)
    this.#subscriber = this.#open()
    this.#timer = setInterval(() => this.#lookAfter(), LOOK_AFTER_MS).unref()
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

  /** Tells all who watch that a session is to be forgotten, since it ended, or its user changed. */
  async forget(lane: string, handle: string, why: 'ended' | 'changed'): Promise<void> {
    await this.#publish(forgetChannel(lane), why === 'ended' ? `${handle} ${ENDED}` : handle)
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
    clearInterval(this.#timer)
    this.#subscriber.disconnect()
  }

  #open(): Redis | Cluster {
    const subscriber = this.#connect()
    const mine = (work: () => void) => () => {
      if (this.#subscriber === subscriber) work()
    }
    const broken = mine(() => {
      this.#believedUntil.fill(0)
      this.#isSubscribed = false
    })
    const heard = (channel: string, text: string) => {
      if (this.#subscriber === subscriber) this.#heard(channel, text)
    }
    this.#isSubscribed = false
    this.#silentTurns = 0
    subscriber.on('close', broken)
    subscriber.on(
      'ready',
      mine(() => void this.#subscribe()),
    )
    if (!(subscriber instanceof Cluster)) return subscriber.on('message', heard)
    // A subscription that moves to another connection may miss what is said meanwhile.
    for (const event of ['-node', '-subscriber', '+subscriber']) subscriber.on(event, broken)
    const refreshed = mine(() => {
      const owners = this.#lanes.map(lane => this.#reigns.masterOf(beatChannel(lane), subscriber)).join()
      if (owners !== this.#owners) broken()
      this.#owners = owners
    })
    return subscriber.on('smessage', heard).on('refresh', refreshed)
  }

  /** A subscription writes nothing, so nobody notices where its other end is gone without a word: it is made anew. */
  #lookAfter(): void {
    const isCurrent = this.#lanes.every(lane => this.isCurrent(Number.parseInt(lane, 16)))
    this.#silentTurns = isCurrent ? 0 : this.#silentTurns + 1
    if (this.#silentTurns >= MOST_SILENT_TURNS * (1 + Math.random())) {
      const silent = this.#subscriber
      this.#believedUntil.fill(0)
      this.#subscriber = this.#open()
      silent.disconnect()
    } else if (!this.#isSubscribed) void this.#subscribe()
  }

  async #publish(channel: string, text: string): Promise<void> {
    const redis = this.#redis
    await answered(redis instanceof Cluster ? redis.spublish(channel, text) : redis.publish(channel, text))
  }

  #heard(channel: string, text: string): void {
    for (const lane of this.#lanes) {
      if (channel === forgetChannel(lane)) {
        this.#forgotten(text)
        return
      }
      if (channel === beatChannel(lane)) {
        this.#heardBeat(lane, text)
        return
      }
    }
  }

  #forgotten(text: string): void {
    const [handle = '', word] = text.split(' ', 2)
    for (const watcher of this.#watchers) watcher.forget(handle, word === ENDED)
  }

  #heardBeat(lane: string, text: string): void {
    const [at = '', reign = ''] = text.split(' ', 2)
    // Commands and messages may come from two servers while masters change, or one may have taken another name.
    if (this.#reigns.known(beatChannel(lane))?.id !== reign) {
      this.#reigns.lookAgain(beatChannel(lane))
      return
    }
    // What was heard now was not said later, whatever the clocks say.
    const until = Math.min(this.#clock.local(Number(at)), performance.now()) + BELIEVED_FOR_MS
    if (!(until > performance.now())) return
    // After a silence something may have been missed.
    if (!this.isCurrent(Number.parseInt(lane, 16))) for (const watcher of this.#watchers) watcher.forgetAll()
    if (this.#lanes.length === 1) this.#believedUntil.fill(until)
    else this.#believedUntil[Number.parseInt(lane, 16)] = until
  }

  async #subscribe(): Promise<void> {
    const subscriber = this.#subscriber
    try {
      for (const lane of this.#lanes) {
        const channels = [forgetChannel(lane), beatChannel(lane)] as const
        if (subscriber instanceof Cluster) await subscriber.ssubscribe(...channels)
        else await subscriber.subscribe(...channels)
      }
      if (this.#subscriber === subscriber) this.#isSubscribed = true
    } catch {
      // Until it is there, every check asks the store.
    }
  }
}
