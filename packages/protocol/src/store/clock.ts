import { CarnetError } from '../errors.ts'

const KEPT_READINGS = 3

/**
 * The clock of a store elsewhere, carried on between readings by this process's monotonic clock. A reading is dated
 * by the arrival of its answer, so the clock is never ahead of the store's: a moment computed here comes early
 * rather than late.
 */
export class RemoteClock {
  #readings: { readonly offset: number; readonly tookMs: number }[] = []
  #offset = Number.NaN
  /** What the offset is in truth at most. */
  #furthest = Number.NaN

  /** Takes a reading: the store's time in ms, as just received, and how long ago it was asked for. With several nodes, the slowest one's. */
  read(storeTime: number, tookMs = 0): void {
    const reading = { offset: storeTime - performance.now(), tookMs }
    this.#readings = [...this.#readings.slice(1 - KEPT_READINGS), reading]
    // Answers are delayed by varying amounts and each delay makes the clock slow: the largest of a few is the best.
    this.#offset = Math.max(...this.#readings.map(({ offset }) => offset))
    this.#furthest = Math.max(...this.#readings.map(({ offset, tookMs: took }) => offset + took))
  }

  /** Forgets all readings: the next store may keep another time. */
  reset(): void {
    this.#readings = []
    this.#offset = Number.NaN
    this.#furthest = Number.NaN
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

  /** The same, as early as it may have been: the store's time may have been read as soon as it was asked for. */
  localAtEarliest(storeTime: number): number {
    return storeTime - this.#furthest
  }
}
