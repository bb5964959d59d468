import { CarnetError } from '../errors.ts'

const KEPT_READINGS = 3

/**
 * The clock of a store elsewhere, carried on between readings by this process's monotonic clock. A reading is dated
 * by the arrival of its answer, so the clock is never ahead of the store's: a moment computed here comes early
 * rather than late.
 */
export class RemoteClock {
  #offsets: number[] = []
  #offset = Number.NaN

  /** Takes a reading: the store's time in ms, as just received. With several nodes, the slowest one's. */
  read(storeTime: number): void {
    // Answers are delayed by varying amounts and each delay makes the clock slow: the largest of a few is the best.
    this.#offsets = [...this.#offsets.slice(1 - KEPT_READINGS), storeTime - performance.now()]
    this.#offset = Math.max(...this.#offsets)
  }

  /** Forgets all readings: the next store may keep another time. */
  reset(): void {
    this.#offsets = []
    this.#offset = Number.NaN
  }

  /** Ms since epoch. Throws `store_unavailable` where there is no reading. */
  now(): number {
    if (Number.isNaN(this.#offset)) {
      throw new CarnetError('store_unavailable', 'The store has not told its time yet.')
    }
    return Math.floor(performance.now() + this.#offset)
  }

  /** A moment of the store's clock as one of this process's monotonic clock; NaN where there is no reading. */
  local(storeTime: number): number {
    return storeTime - this.#offset
  }
}
