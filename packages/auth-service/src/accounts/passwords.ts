import { createHmac } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { CarnetError } from '@carnet/protocol'
import { Piscina } from 'piscina'

/** Characters of the longest password that is taken. */
export const LONGEST_PASSWORD = 1024

/** Tasks waiting for a worker, beyond which a sign-in is told to come back: some seconds' worth. */
const MOST_WAITING = Math.max(64, 16 * availableParallelism())

const SCHEME = '{hmac-sha256}'

/** Hashes and verifies passwords in worker threads: bcrypt on the event loop would stall every other request. */
export class Passwords {
  readonly #cost: number
  readonly #workers: Piscina
  /** Where nobody is found, this is verified instead, at the same price. */
  readonly #nobody: string

  /** `cost` is bcrypt's, the exponent of its rounds. */
  constructor(cost: number) {
    this.#cost = cost
    // Well formed, and the hash of no known password.
    this.#nobody = `${SCHEME}$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(22)}${'x'.repeat(31)}`
    this.#workers = new Piscina({
      filename: new URL(`./password-worker${extname(import.meta.filename)}`, import.meta.url).href,
      minThreads: 1,
      maxThreads: availableParallelism(),
      maxQueue: MOST_WAITING,
      idleTimeout: 60_000,
    })
  }

  /** The hash to keep. Throws `rate_limited` where too many wait. */
  async hash(password: string): Promise<string> {
    const hash = await this.#run<string>('hash', { password: prehash(password), cost: this.#cost })
    return SCHEME + hash
  }

  /** Whether a password is the one behind a hash; with null for the hash, false at the same price. Throws `rate_limited`. */
  async verify(password: string, hash: string | null): Promise<boolean> {
    const kept = hash ?? this.#nobody
    if (!kept.startsWith(SCHEME)) {
      throw new CarnetError('internal', 'This password hash has a format this version does not know.')
    }
    const task = { password: prehash(password), hash: kept.slice(SCHEME.length) }
    const matches = await this.#run<boolean>('verify', task)
    return matches && hash !== null
  }

  async close(): Promise<void> {
    await this.#workers.destroy()
  }

  async #run<T>(name: string, task: object): Promise<T> {
    try {
      return (await this.#workers.run(task, { name })) as T
    } catch (cause) {
      if (this.#workers.queueSize < MOST_WAITING) throw cause
      throw new CarnetError('rate_limited', 'Too many sign-ins at once. Try again in a moment.', { cause })
    }
  }
}

/**
 * bcrypt reads 72 bytes and stops at a NUL; a digest makes every character count. It is keyed by a word of our own, so
 * that digests leaked elsewhere are no candidates. NFKC, since keyboards differ (NIST SP 800-63B-4 §3.1.1.2).
 */
function prehash(password: string): string {
  return createHmac('sha256', 'carnet password').update(password.normalize('NFKC')).digest('base64')
}
