import { hash } from 'node:crypto'
import { CarnetError, openRedis, type RedisClient } from '@carnet/protocol'
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible'

/** What is limited beside the guessing of passwords. */
export type Deed = 'sign-up' | 'mail' | 'verify'

/** Who guesses a password. */
export interface Guesser {
  /** The address's network, as `addressPrefix` gives it. */
  readonly network: string
  /** The account that is tried, whether or not it exists. */
  readonly account: string
  /** A device that the account's owner has signed in on; null for any other. */
  readonly device: string | null
}

type Limiter = RateLimiterMemory | RateLimiterRedis

// An account's first tries cost no time. Each further one makes the next wait: 1 s, 2, 4, 8, 16, then 30.
const FREE_TRIES = 5
const LONGEST_WAIT_S = 30
const TRIES_FORGOTTEN_S = 3_600

type Measure = readonly [tries: number, seconds: number]

// By a network, where a whole office or carrier may sit, and by all together.
const MOST: Record<'guess' | Deed, { readonly network: Measure; readonly overall: Measure }> = {
  guess: { network: [100, 600], overall: [500, 60] },
  'sign-up': { network: [50, 3_600], overall: [500, 600] },
  mail: { network: [30, 3_600], overall: [500, 600] },
  verify: { network: [50, 600], overall: [500, 600] },
}

/**
 * Counts tries, by account, by network and overall, before they are judged, so that parallel ones count as well. Nobody
 * is locked out: an account's waits end after 30 s, and a device that its owner has used has waits of its own. Counted
 * are digests. Where Redis is away each process counts for itself.
 */
export class Limits {
  readonly #redis: RedisClient | null
  readonly #tries: Limiter
  readonly #waits: Limiter
  readonly #most: Record<'guess' | Deed, { network: Limiter; overall: Limiter }>

  /** Counts in the Redis of that URL, under keys of its own, or for this process alone (`memory:`). `onError` hears of connection faults. */
  constructor(url: string, onError: (error: Error) => void = () => {}) {
    this.#redis = url === 'memory:' ? null : openRedis(url, onError)
    this.#tries = this.#limiter('tries', Number.MAX_SAFE_INTEGER, TRIES_FORGOTTEN_S)
    this.#waits = this.#limiter('waits', 1, LONGEST_WAIT_S)
    const both = (deed: 'guess' | Deed) => ({
      network: this.#limiter(`${deed}:network`, ...MOST[deed].network),
      overall: this.#limiter(`${deed}:overall`, ...MOST[deed].overall),
    })
    this.#most = {
      guess: both('guess'),
      'sign-up': both('sign-up'),
      mail: both('mail'),
      verify: both('verify'),
    }
  }

  /**
   * Has a password judged, unless it is too early for that. A right one is forgotten as a try, and one that could not be
   * judged as well. Throws `rate_limited`, and what `judge` throws.
   */
  async guess<T>({ network, account, device }: Guesser, judge: () => Promise<T>): Promise<T> {
    const key = digest(device === null ? `account ${account}` : `device ${device}`)
    const takeBack = device === null ? await this.#count('guess', network) : async () => {}
    let waits = false
    try {
      waits = await this.#wait(key)
    } catch (error) {
      await takeBack()
      throw error
    }
    try {
      const judged = await judge()
      await Promise.all([takeBack(), this.#tries.delete(key), this.#waits.delete(key)])
      return judged
    } catch (error) {
      const wasWrong = error instanceof CarnetError && error.code === 'invalid_credentials'
      if (!wasWrong)
        await Promise.all([takeBack(), this.#tries.reward(key), waits && this.#waits.delete(key)])
      throw error
    }
  }

  /** Counts a deed of who sits in a network; `known` devices are not counted among all. Throws `rate_limited`. */
  async count(deed: Deed, network: string, { known = false }: { known?: boolean } = {}): Promise<void> {
    await this.#count(deed, network, { known })
  }

  async close(): Promise<void> {
    this.#redis?.disconnect()
  }

  /** Counts a try; whether the next one has to wait now. */
  async #wait(key: string): Promise<boolean> {
    const { consumedPoints } = await this.#tries.penalty(key)
    if (consumedPoints < FREE_TRIES) return false
    const customDuration = Math.min(2 ** (consumedPoints - FREE_TRIES), LONGEST_WAIT_S)
    try {
      await take(this.#waits, key, { customDuration })
      return true
    } catch (error) {
      await this.#tries.reward(key)
      throw error
    }
  }

  /** Counts one; the way to take it back. */
  async #count(
    deed: 'guess' | Deed,
    network: string,
    { known = false }: { known?: boolean } = {},
  ): Promise<() => Promise<void>> {
    const limits = this.#most[deed]
    const key = digest(network)
    if (!known) await take(limits.overall, 'all')
    const takeBack = async (limiters: readonly Limiter[]) => {
      for (const limiter of limiters) await limiter.reward(limiter === limits.overall ? 'all' : key)
    }
    try {
      await take(limits.network, key)
    } catch (error) {
      // What one network is refused must not fill the measure of all.
      if (!known) await takeBack([limits.overall])
      throw error
    }
    return () => takeBack(known ? [limits.network] : [limits.network, limits.overall])
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

/** No address of a person lies in the counters. */
function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
