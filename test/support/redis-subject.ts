import { openStore, type Store } from '@carnet/protocol'
import type { TestFn } from 'ava'
import type { Subject } from '../protocol/store-conformance.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { until } from './until.ts'

/** Gives each test a store on a Redis of the file's own, which can be made to freeze. */
export async function useRedis(
  test: TestFn<Subject>,
  options: { cluster?: boolean } = {},
): Promise<{ redis: TestRedis; store: Store }> {
  const redis = await startRedis(options)
  const store = await openStore(redis.url)
  // As an auth service does that has nothing to bring.
  store.keep(async () => {})
  test.beforeEach(async t => {
    await until(() => store.ping().then(() => true))
    t.context = {
      store,
      async away(work) {
        redis.freeze()
        try {
          await work()
        } finally {
          redis.thaw()
        }
      },
    }
  })
  test.after.always(async () => {
    await store.close()
    await redis.stop()
  })
  return { redis, store }
}
