import type { Store } from '@carnet/protocol'
import type { TestFn } from 'ava'
import type { Subject } from '../protocol/store-conformance.ts'
import { openKeptStore } from './kept-store.ts'
import { until } from './until.ts'

/** Servers of a file's own. */
export interface Servers {
  readonly url: string
  /** Stops them from answering, without closing connections. */
  freeze(): void
  thaw(): void
  stop(): Promise<unknown>
}

/** Gives each test a store on servers of the file's own, which can be made to freeze. */
export async function useRedis<Own extends Servers>(
  test: TestFn<Subject>,
  servers: Own,
): Promise<{ redis: Own; store: Store }> {
  const store = await openKeptStore(servers.url)
  test.beforeEach(async t => {
    await until(() => store.ping().then(() => true), 20_000)
    t.context = {
      store,
      async away(work) {
        servers.freeze()
        try {
          await work()
        } finally {
          servers.thaw()
        }
      },
    }
  })
  test.after.always(async () => {
    await store.close()
    await servers.stop()
  })
  return { redis: servers, store }
}
