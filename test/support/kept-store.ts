import { openStore, type Store } from '@carnet/protocol'
import { until } from './until.ts'

const BEAT_EVERY_MS = 400

/** A store that is kept as an auth service keeps it, one that has nothing to bring to it: in order, and shown to live. */
export async function openKeptStore(url: string): Promise<Store> {
  const store = await openStore(url)
  store.keep(async () => {})
  await until(() => store.ping().then(() => true))
  // One that is away for a while is tried again.
  const beat = () => void store.beat().catch(() => {})
  beat()
  const timer = setInterval(beat, BEAT_EVERY_MS).unref()
  const close = store.close.bind(store)
  store.close = async () => {
    clearInterval(timer)
    await close()
  }
  return store
}
