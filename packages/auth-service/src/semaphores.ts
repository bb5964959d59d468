import { CarnetError } from '@carnet/protocol'

interface Semaphore {
  running: number
  readonly waiting: (() => void)[]
}

/** So much work at once for each key, and the rest in turn, up to a measure. */
export class Semaphores {
  readonly #atOnce: number
  readonly #mostWaiting: number
  readonly #semaphores = new Map<string, Semaphore>()

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce
    this.#mostWaiting = mostWaiting
  }

  /** Does a piece of work when it is its turn. Throws `rate_limited` where too many wait for theirs. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const semaphore = this.#semaphores.get(key) ?? { running: 0, waiting: [] }
    this.#semaphores.set(key, semaphore)
    if (semaphore.running < this.#atOnce) semaphore.running++
    else if (semaphore.waiting.length < this.#mostWaiting) {
      await new Promise<void>(resolve => semaphore.waiting.push(resolve))
    } else throw new CarnetError('rate_limited', 'Too many at once.')
    try {
      return await work()
    } finally {
      // Who is next takes this place over.
      const next = semaphore.waiting.shift()
      if (next !== undefined) next()
      else if (--semaphore.running === 0) this.#semaphores.delete(key)
    }
  }
}
