import { setTimeout } from 'node:timers/promises'
import { Cluster, type Redis } from 'ioredis'
import { sessionHandle } from '../handle.ts'
import { rememberedUntilOf } from '../session-record.ts'
import { laneOf, sessionKey, tombstoneKey, unnotedKey } from './keys.ts'
import { answered, executed, unavailable } from './redis-answers.ts'
import { connectRedis } from './redis-connection.ts'
import type { RevocationLink } from './redis-link.ts'
import type { Reigns } from './redis-reigns.ts'
import type { RedisTarget } from './redis-url.ts'
import { ReplicaWaits } from './replica-waits.ts'
import type { Revocation } from './store.ts'

const NOTED = { replicated: false, keepsLog: true }
const CONNECTED_WITHIN_MS = 300
const NOTED_WITHIN_MS = 400
const LOOK_EVERY_MS = 20

/** Revokes, and sees to it that an acknowledged revocation outlives the loss of a master. */
export class Revoker {
  readonly #redis: Redis | Cluster
  readonly #target: RedisTarget
  readonly #reigns: Reigns
  readonly #link: RevocationLink
  readonly #waits = new ReplicaWaits()
  #own: Redis | Cluster | null = null

  constructor(redis: Redis | Cluster, target: RedisTarget, parts: { reigns: Reigns; link: RevocationLink }) {
    this.#redis = redis
    this.#target = target
    this.#reigns = parts.reigns
    this.#link = parts.link
  }

  /** False where the session had ended already. Throws `store_unavailable`: then it may be revoked, or half so. */
  async revoke(sid: string, { rememberUntil, noted }: Revocation): Promise<boolean> {
    const handle = sessionHandle(sid)
    const { replicated, keepsLog } = noted ? NOTED : await this.#reigns.asOfNow(sessionKey(sid))
    const isReplicated = !noted && replicated
    // WAIT would hold up everybody else's commands.
    const redis = isReplicated ? await this.#connected() : this.#redis
    const ended = noted ? await this.#delete(redis, sid) : await this.#end(redis, sid, rememberUntil)
    const lane = laneOf(handle, redis instanceof Cluster)
    // Only now: who forgets a session and reads it again must find it gone.
    await this.#link.forget(lane, handle, 'ended')
    const reign = this.#reigns.known(unnotedKey(lane))?.id
    if (!noted) await answered(redis.sadd(unnotedKey(lane), handle))
    if (!noted && (isReplicated || !keepsLog)) await this.#outlives(redis, sid, { lane, reign, isReplicated })
    return ended
  }

  close(): void {
    this.#own?.disconnect()
  }

  /** What SQL knows needs no tombstone: there the series has ended that could bring the session back. */
  async #delete(redis: Redis | Cluster, sid: string): Promise<boolean> {
    return (await answered(redis.del(sessionKey(sid)))) === 1
  }

  async #end(redis: Redis | Cluster, sid: string, rememberUntil: number): Promise<boolean> {
    const key = sessionKey(sid)
    const stored = await answered(redis.get(key))
    // A session that is gone may have been remembered; one that is there says so itself.
    const until = stored === null ? rememberUntil : rememberedUntilOf(stored)
    const step = redis.multi()
    if (until > 0) step.set(tombstoneKey(sid), '', 'PXAT', until)
    try {
      return (await executed(step.del(key))).at(-1) === 1
    } catch (error) {
      // A store that is full refuses the tombstone. What can be ended is ended, though it is not acknowledged.
      const handle = sessionHandle(sid)
      await this.#delete(redis, sid)
        .then(() => this.#link.forget(laneOf(handle, redis instanceof Cluster), handle, 'ended'))
        .catch(() => {})
      throw error
    }
  }

  /** Returns once a replica has the revocation, where there are any, or the auth service has noted it. Throws `store_unavailable` where neither comes in time. */
  async #outlives(
    redis: Redis | Cluster,
    sid: string,
    { lane, reign, isReplicated }: { lane: string; reign: string | undefined; isReplicated: boolean },
  ): Promise<void> {
    if (isReplicated && (await this.#waits.ask(this.#masterOf(redis, sessionKey(sid))))) return
    const deadline = performance.now() + NOTED_WITHIN_MS
    while (performance.now() < deadline) {
      const isEntered = (await answered(redis.sismember(unnotedKey(lane), sessionHandle(sid)))) === 1
      // A master that took over meanwhile knows nothing of it, which is no proof that it was noted.
      if (reign === undefined || this.#reigns.known(unnotedKey(lane))?.id !== reign) break
      if (!isEntered) return
      await setTimeout(LOOK_EVERY_MS)
    }
    throw unavailable(new Error('No replica and no auth service has confirmed the revocation.'))
  }

  /** The connection that carried what was written under a key. */
  #masterOf(redis: Redis | Cluster, key: string): Redis {
    if (!(redis instanceof Cluster)) return redis
    const address = this.#reigns.masterOf(key, redis)
    const master = redis.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === address)
    if (master === undefined) throw unavailable(new Error('The masters have changed meanwhile.'))
    return master
  }

  async #connected(): Promise<Redis | Cluster> {
    this.#own ??= connectRedis(this.#target, () => {})
    const own = this.#own
    const deadline = performance.now() + CONNECTED_WITHIN_MS
    while (own.status !== 'ready') {
      if (performance.now() > deadline) throw unavailable(new Error('No connection for revocations.'))
      await setTimeout(5)
    }
    return own
  }
}
