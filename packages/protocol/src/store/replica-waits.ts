import type { Redis } from 'ioredis'

const WAIT_MS = 100

/**
 * Asks replicas whether they have what was written. WAIT holds up its connection and answers for all that was written
 * on it before, so those who ask while one is under way share the next.
 * https://redis.io/docs/latest/commands/wait/
 */
export class ReplicaWaits {
  readonly #running = new Map<Redis, Promise<boolean>>()
  readonly #next = new Map<Redis, Promise<boolean>>()

  /** Whether a replica has all that was written on this connection by now; false also where it did not say so in time. */
  ask(redis: Redis): Promise<boolean> {
    const shared = this.#next.get(redis)
    if (shared !== undefined) return shared
    const before = this.#running.get(redis) ?? Promise.resolve()
    const asking: Promise<boolean> = before.then(() => this.#wait(redis, asking))
    this.#next.set(redis, asking)
    return asking
  }

  async #wait(redis: Redis, asking: Promise<boolean>): Promise<boolean> {
    this.#next.delete(redis)
    this.#running.set(redis, asking)
    try {
      return (await redis.wait(1, WAIT_MS)) >= 1
    } catch {
      return false
    } finally {
      if (this.#running.get(redis) === asking) this.#running.delete(redis)
    }
  }
}
