import { CarnetError } from '../errors.ts'

const KEPT_READINGS = 3

/**
 * The clock of a store elsewhere, carried on between readings by this process's monotonic clock. A reading is dated
 * by the arrival of its answer, so the clock is never ahead of the store's: a moment computed here comes early
 * rather than late.
 */
export class RemoteClock {
  #offsets: number[] = []

  /** Takes a reading: the store's time in ms, as just received. With several nodes, the slowest one's. */
  read(storeTime: number): void {
    // Answers are delayed by varying amounts and each delay makes the clock slow: the largest of a few is the best.
    this.#offsets = [...this.#offsets.slice(1 - KEPT_READINGS), storeTime - performance.now()]
  }

  /** Forgets all readings: the next store may keep another time. */
  reset(): void {
    this.#offsets = []
  }

  /** Ms since epoch. Throws `store_unavailable` where there is no reading. */
  now(): number {
    if (this.#offsets.length === 0) {
      throw new CarnetError('store_unavailable', 'The store has not told its time yet.')
    }
    return Math.floor(performance.now() + Math.max(...this.#offsets))
  }
}
