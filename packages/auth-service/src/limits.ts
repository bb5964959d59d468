import { hash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { CarnetError, openRedis, type RedisClient } from '@carnet/protocol'
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible'
import { Semaphores } from './semaphores.ts'

/** What is limited beside the guessing of passwords. */
export type Deed = 'sign-up' | 'mail' | 'verify'

/** Who guesses a password. */
export interface Guesser {
  /** The networks of the address, as `networksOf` gives them: the narrowest first. */
  readonly networks: readonly string[]
  /** The account that is tried, whether or not it exists. */
  readonly account: string
  /** A device that the account's owner has signed in on; null for any other. */
  readonly device: string | null
}

type Limiter = RateLimiterMemory | RateLimiterRedis

// The first tries at an account cost no time. Each further one makes the next wait, twice as long each time. Who made it
// waits twice as long as all the others, so that nobody can take every turn from one place.
const FREE_TRIES = 5
const OTHERS = { first: 1, longest: 15 }
const ITS_OWN = { first: 2, longest: 30 }
const TRIES_FORGOTTEN_S = 3_600

type Measure = readonly [tries: number, seconds: number]

// By a network, where a whole office or carrier may sit, and by all together. A wider network has four times as much.
const MOST: Record<'guess' | Deed, { readonly network: Measure; readonly overall: Measure }> = {
  guess: { network: [100, 600], overall: [1_000, 60] },
  'sign-up': { network: [50, 3_600], overall: [1_000, 600] },
  mail: { network: [30, 3_600], overall: [1_000, 600] },
  verify: { network: [50, 600], overall: [1_000, 600] },
}
const WIDER = 4

// One network or account does not fill the queue of those who wait for a hash.
const HASHES_AT_ONCE = 2 * availableParallelism()
const MOST_WAITING = 64

/** By what tries at an account are counted, and how long they make the next one wait, in seconds. */
interface Waits {
  readonly key: string
  readonly first: number
  readonly longest: number
}

/**
 * Counts tries, by account, by network and overall, before they are judged, so that parallel ones count as well. Nobody
 * is locked out: waits end after 30 s, and a device that its owner has used has waits of its own. Counted are digests.
 * Where Redis is away each process counts for itself.
 */
export class Limits {
  readonly #redis: RedisClient | null
  readonly #tries: Limiter
  readonly #waits: Limiter
  readonly #ofNetworks = new Semaphores(HASHES_AT_ONCE, MOST_WAITING)
  readonly #ofAccounts = new Semaphores(HASHES_AT_ONCE, MOST_WAITING)
  /** Whether they will turn out right, of the tries that this process is judging. */
  readonly #judging = new Map<string, Set<Promise<boolean>>>()
  readonly #most: Record<'guess' | Deed, { network: Limiter; wider: Limiter; overall: Limiter }>

  /** Counts in the Redis of that URL, under keys of its own, or for this process alone (`memory:`). `onError` hears of connection faults. */
  constructor(url: string, onError: (error: Error) => void = () => {}) {
    this.#redis = url === 'memory:' ? null : openRedis(url, onError)
    this.#tries = this.#limiter('tries', Number.MAX_SAFE_INTEGER, TRIES_FORGOTTEN_S)
    this.#waits = this.#limiter('waits', 1, ITS_OWN.longest)
    const measures = (deed: 'guess' | Deed) => {
      const [tries, seconds] = MOST[deed].network
      return {
        network: this.#limiter(`${deed}:network`, tries, seconds),
        wider: this.#limiter(`${deed}:wider`, WIDER * tries, seconds),
        overall: this.#limiter(`${deed}:overall`, ...MOST[deed].overall),
      }
    }
    this.#most = {
      guess: measures('guess'),
      'sign-up': measures('sign-up'),
      mail: measures('mail'),
      verify: measures('verify'),
    }
  }

  /**
   * Has a password judged, unless it is too early for that. A right one is forgotten as a try, and one that could not be
   * judged as well. Throws `rate_limited`, and what `judge` throws.
   */
  async guess<T>({ networks, account, device }: Guesser, judge: () => Promise<T>): Promise<T> {
    const [network = ''] = networks
    const waits: Waits[] =
      device === null
        ? [
            { key: digest(`account ${account} from ${network}`), ...ITS_OWN },
            { key: digest(`account ${account}`), ...OTHERS },
          ]
        : [{ key: digest(`account ${account} on ${device}`), ...ITS_OWN }]
    const { promise: isRight, resolve: turnOut } = Promise.withResolvers<boolean>()
    const keys = [`network ${network}`, ...waits.map(({ key }) => key)]
    // In the order of taking; taken back where the try is refused, or was none.
    const taken: (() => Promise<unknown>)[] = []
    const takeBack = () => Promise.all(taken.map(back => back()))
    try {
      if (device === null) {
        taken.push(await this.#patiently(keys[0] ?? '', isRight, () => this.#count('guess', networks)))
      }
      for (const each of waits) taken.push(await this.#patiently(each.key, isRight, () => this.#wait(each)))
      const judged = await this.#ofAccounts.run(account, () => this.#ofNetworks.run(network, judge))
      await takeBack()
      await Promise.all(waits.flatMap(({ key }) => [this.#tries.delete(key), this.#waits.delete(key)]))
      turnOut(true)
      return judged
    } catch (error) {
      const wasWrong = error instanceof CarnetError && error.code === 'invalid_credentials'
      if (!wasWrong) await takeBack()
      throw error
    } finally {
      turnOut(false)
      for (const each of keys) {
        this.#judging.get(each)?.delete(isRight)
        if (this.#judging.get(each)?.size === 0) this.#judging.delete(each)
      }
    }
  }

  /** Counts a deed of who sits in these networks; `known` devices are not counted among all. Throws `rate_limited`. */
  async count(
    deed: Deed,
    networks: readonly string[],
    { known = false }: { known?: boolean } = {},
  ): Promise<void> {
    await this.#count(deed, networks, { known })
  }

  /** Does what costs a hash when it is the network's turn. Throws `rate_limited` where too many wait there. */
  async inTurn<T>([network = '']: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#ofNetworks.run(network, work)
  }

  async close(): Promise<void> {
    this.#redis?.disconnect()
  }

  /** Where a try is refused while others are being judged, one of them may be right, and then there is room again. */
  async #patiently<T>(key: string, isRight: Promise<boolean>, take: () => Promise<T>): Promise<T> {
    const judging = () => [...(this.#judging.get(key) ?? [])]
    for (;;) {
      const ahead = judging()
      try {
        const taken = await take()
        this.#judging.set(key, (this.#judging.get(key) ?? new Set()).add(isRight))
        return taken
      } catch (error) {
        if (!(await anyOf([...ahead, ...judging()]))) throw error
      }
    }
  }

  /** Counts a try at an account, where it need not wait; the way to take it back. */
  async #wait({ key, first, longest }: Waits): Promise<() => Promise<unknown>> {
    const { consumedPoints } = await this.#tries.penalty(key)
    const takeBack = () => this.#tries.reward(key)
    if (consumedPoints < FREE_TRIES) return takeBack
    const customDuration = Math.min(first * 2 ** (consumedPoints - FREE_TRIES), longest)
    try {
      await take(this.#waits, key, { customDuration })
    } catch (error) {
      await takeBack()
      throw error
    }
    return () => Promise.all([takeBack(), this.#waits.delete(key)])
  }

  /** Counts one; the way to take it back. What is refused is not counted: it did not take place. */
  async #count(
    deed: 'guess' | Deed,
    [network = '', ...wider]: readonly string[],
    { known = false }: { known?: boolean } = {},
  ): Promise<() => Promise<unknown>> {
    const limits = this.#most[deed]
    const steps: (readonly [Limiter, string])[] = [
      ...(known ? [] : [[limits.overall, 'all'] as const]),
      ...wider.map(each => [limits.wider, digest(each)] as const),
      [limits.network, digest(network)],
    ]
    const taken: (() => Promise<unknown>)[] = []
    const takeBack = () => Promise.all(taken.map(back => back()))
    try {
      for (const [limiter, key] of steps) {
        taken.push(() => limiter.reward(key))
        await take(limiter, key)
      }
      return takeBack
    } catch (error) {
      await takeBack()
      throw error
    }
  }

  #limiter(name: string, points: number, duration: number): Limiter {
    const options = { keyPrefix: `carnet:limit:${name}`, points, duration }
    const ownCount = new RateLimiterMemory(options)
    if (this.#redis === null) return ownCount
    return new RateLimiterRedis({
      ...options,
      storeClient: this.#redis,
      rejectIfRedisNotReady: true,
      insuranceLimiter: ownCount,
    })
  }
}

async function take(limiter: Limiter, key: string, options: { customDuration?: number } = {}): Promise<void> {
  try {
    await limiter.consume(key, 1, options)
  } catch (refused) {
    if (refused instanceof Error) throw refused
    const { msBeforeNext } = refused as RateLimiterRes
    const retryAfter = Math.max(1, Math.ceil(msBeforeNext / 1_000))
    throw new CarnetError('rate_limited', 'That was too often.', { retryAfter })
  }
}

/** Whether any turns out true: at once with the first that does. */
function anyOf(outcomes: readonly Promise<boolean>[]): Promise<boolean> {
  const rights = outcomes.map(outcome =>
    outcome.then(isRight => isRight || Promise.reject(new Error('wrong'))),
  )
  return Promise.any(rights).catch(() => false)
}

/** No address of a person lies in the counters. */
function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
