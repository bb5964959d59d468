import { MemoryStore } from './memory.ts'
import { RedisStore } from './redis.ts'
import type { Store } from './store.ts'

let embedded: MemoryStore | null = null

/**
 * Opens the store that a URL names: `redis://`, `redis+sentinel://`, `redis+cluster://`, each with `rediss` for TLS, or
 * `memory:` for the embedded one, of which a process has exactly one. Waits up to 2 s for the first contact, and then
 * goes on without it: the verbs throw `store_unavailable` until the store is there. Throws a `TypeError` for any other URL.
 */
export async function openStore(url: string, onError?: (error: Error) => void): Promise<Store> {
  if (url === 'memory:') {
    embedded ??= new MemoryStore()
    return embedded
  }
  if (!/^rediss?(\+(sentinel|cluster))?:\/\//.test(url)) {
    // What is no URL may be a password.
    const scheme = /^[a-z][a-z0-9+.-]*:(?=\/\/)/i.exec(url)?.[0] ?? 'This'
    throw new TypeError(
      `${scheme} names no store. Use redis://, redis+sentinel:// or redis+cluster://, or memory: for the embedded one.`,
    )
  }
  const store = new RedisStore(url, onError)
  await store.settled(2_000)
  return store
}
