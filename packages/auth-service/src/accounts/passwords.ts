import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { CarnetError } from '@carnet/protocol'
import { Piscina } from 'piscina'
import { SCHEME } from './password-worker.ts'

/** Characters of the longest password that is taken at a sign-in. */
export const LONGEST_PASSWORD = 1024

/** Tasks waiting for a worker, beyond which a sign-in is told to come back: some seconds' worth. */
const MOST_WAITING = Math.max(64, 16 * availableParallelism())

/** Hashes and verifies passwords in worker threads: bcrypt on the event loop would stall every other request. */
export class Passwords {
  readonly #cost: () => number
  readonly #workers: Piscina

  /** `cost` is bcrypt's, the exponent of its rounds; hashes of another one are outdated. */
  constructor(cost: () => number) {
    this.#cost = cost
    this.#workers = new Piscina({
      filename: new URL(`./password-worker${extname(import.meta.filename)}`, import.meta.url).href,
      // A worker costs as much memory as all the rest, and most of the time nobody signs in.
      minThreads: 0,
      maxThreads: availableParallelism(),
      maxQueue: MOST_WAITING,
      idleTimeout: 60_000,
    })
  }

  get #current(): string {
    return `${SCHEME}$2b$${String(this.#cost()).padStart(2, '0')}$`
  }

  /** Where nobody is found, this is verified instead, at the same price: well formed, and the hash of no known password. */
  get #nobody(): string {
    return `${this.#current}${'.'.repeat(22)}${'x'.repeat(31)}`
  }

  /** The hash to keep. Throws `rate_limited` where too many wait. */
  async hash(password: string): Promise<string> {
    return this.#run<string>('hash', { password, cost: this.#cost() })
  }

  /**
   * Whether a password is the one behind a hash; with null for the hash, false at today's price. No refusal is cheaper:
   * that of an outdated hash pays this on top. Throws `rate_limited`.
   */
  async verify(password: string, hash: string | null): Promise<boolean> {
    const matches = await this.#run<boolean>('verify', { password, hash: hash ?? this.#nobody })
    if (hash === null) return false
    if (!matches && this.isOutdated(hash)) await this.#run('verify', { password, hash: this.#nobody })
    return matches
  }

  /** Whether a hash was made elsewhere, or at another cost than today's. */
  isOutdated(hash: string): boolean {
    return !hash.startsWith(this.#current)
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
