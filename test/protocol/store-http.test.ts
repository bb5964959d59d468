import anyTest, { type TestFn } from 'ava'
import { openKeptStore } from '../support/kept-store.ts'
import { overHttp, startStoreService } from '../support/over-http.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { conforms, type Subject } from './store-conformance.ts'

const test = anyTest.serial as TestFn<Subject>

const redis = await startRedis()
const beneath = await openKeptStore(redis.url)
const own = Math.random().toString(36).slice(2, 8)
const sites = ['shop', 'news', 'games', `news-${own}`, ...Array.from({ length: 100 }, (_, n) => `site-${n}`)]
// What a service takes on its own account would be missing where the suite looks for it.
const untaken = new Proxy(beneath, {
  get(target, name) {
    if (name === 'unnoted' || name === 'reports') return async () => []
    const verb = target[name as keyof typeof target]
    return typeof verb === 'function' ? verb.bind(target) : verb
  },
})
const service = await startStoreService(untaken, { sites })
const store = overHttp(beneath, service)

test.beforeEach(async t => {
  await until(() => store.ping().then(() => true), 20_000)
  t.context = {
    store,
    own: `news-${own}`,
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
  await service.close()
  await beneath.close()
  await redis.stop()
})

conforms(test)
