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
  /** Whether they will turn out right, of the tries that this process is judging. */
  readonly #judging = new Map<string, Set<Promise<boolean>>>()
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
    const place = `network ${network}`
    const { promise: isRight, resolve: turnOut } = Promise.withResolvers<boolean>()
    let takeBack = async () => {}
    try {
      if (device === null)
        takeBack = await this.#patiently(place, isRight, () => this.#count('guess', network))
      const waits = await this.#patiently(key, isRight, () => this.#wait(key)).catch(async error => {
        await takeBack()
        throw error
      })
      const judged = await this.#judge(judge, { key, waits, takeBack })
      turnOut(true)
      return judged
    } finally {
      turnOut(false)
      for (const each of [place, key]) this.#judging.get(each)?.delete(isRight)
      for (const each of [place, key]) if (this.#judging.get(each)?.size === 0) this.#judging.delete(each)
    }
  }

  /** Counts a deed of who sits in a network; `known` devices are not counted among all. Throws `rate_limited`. */
  async count(deed: Deed, network: string, { known = false }: { known?: boolean } = {}): Promise<void> {
    await this.#count(deed, network, { known })
  }

  async close(): Promise<void> {
    this.#redis?.disconnect()
  }

  async #judge<T>(
    judge: () => Promise<T>,
    { key, waits, takeBack }: { key: string; waits: boolean; takeBack: () => Promise<void> },
  ): Promise<T> {
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

  /** Counts one; the way to take it back. What is refused is not counted: it did not take place. */
  async #count(
    deed: 'guess' | Deed,
    network: string,
    { known = false }: { known?: boolean } = {},
  ): Promise<() => Promise<void>> {
    const limits = this.#most[deed]
    const taken: (() => Promise<unknown>)[] = []
    const takeBack = async () => {
      for (const back of taken) await back()
    }
    const steps = [
      ...(known ? [] : [[limits.overall, 'all'] as const]),
      [limits.network, digest(network)] as const,
    ]
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
