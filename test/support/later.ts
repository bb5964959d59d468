import type { Store } from '@carnet/protocol'

/** Puts a store's clock forward, for the service and the agents alike; the way back. */
export function putForward(store: Store, ms: number): () => void {
  const { now } = store
  store.now = () => now.call(store) + ms
  return () => {
    store.now = now
  }
}
