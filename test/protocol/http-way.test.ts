import { type HttpStore, MemoryStore, revokeSession, sessionHandle, startSession } from '@carnet/protocol'
import anyTest from 'ava'
import { putForward } from '../support/later.ts'
import { startStoreService } from '../support/over-http.ts'
import { ada } from '../support/people.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

// Times are the subject here: one test after the other.
const test = anyTest.serial

const LIFE = { idle: 60_000, absolute: 3_600_000 }
const BELIEVED_FOR_MS = 2_000
const AWAY = { code: 'store_unavailable' } as object

const store = new MemoryStore()
const proxies: TcpProxy[] = []
const service = await startStoreService(store, {
  reach: async port => {
    const proxy = await startTcpProxy(port)
    proxies.push(proxy)
    return proxy.port
  },
})
const proxy = proxies[0] as TcpProxy
const agent: HttpStore = service.storeOf('shop')
const heard: string[] = []
const watch = agent.watch({ forget: handle => heard.push(handle), forgetAll: () => {} })
const isCurrent = () => watch.isCurrent(0) && watch.isCurrent(15)

test.beforeEach(() => until(isCurrent))
test.after.always(async () => {
  await service.close()
  await proxy.stop()
})

test('what comes late on a way that grows slower is not believed as if it were new', async t => {
  // Never silent for long: the stream itself lives.
  for (const delay of [800, 1_600, 2_400]) {
    await proxy.set({ delay })
    await new Promise(resolve => setTimeout(resolve, 850))
  }
  const { sid } = await startSession(store, ada, LIFE)
  await store.revoke(sid, { rememberUntil: 0, noted: true })
  const revokedAt = performance.now()
  let believed = false
  await until(() => {
    if (performance.now() - revokedAt > BELIEVED_FOR_MS) believed ||= watch.isCurrent(0)
    return heard.includes(sessionHandle(sid))
  })
  t.true(performance.now() - revokedAt > BELIEVED_FOR_MS, 'it was heard that late')
  t.false(believed)
  await proxy.set('pass')
})

test('a store that keeps another time from now on is believed again in a moment', async t => {
  for (const ms of [-3_600_000, 3_600_000]) {
    const back = putForward(store, ms)
    await until(() => Math.abs(agent.now() - store.now()) < 1_000, 4_000)
    await until(isCurrent, 4_000)
    back()
    await until(() => Math.abs(agent.now() - store.now()) < 1_000, 4_000)
    await until(isCurrent, 4_000)
  }
  t.pass()
})

test('after an answer that never came, no request is given to a connection that is silent for good', async t => {
  const together = () => Promise.all(Array.from({ length: 6 }, () => agent.ping()))
  await together()
  await proxy.set('hole')
  await t.throwsAsync(agent.ping(), AWAY)
  await proxy.set('pass')
  await t.notThrowsAsync(together())
})

test('a sign-out that cannot be confirmed is told so within a second, however slow each try is', async t => {
  for (const [tookMs, outcome] of [
    [650, 'fails'],
    [5_000, 'hangs'],
  ] as const) {
    const slow = new Proxy(store, {
      get: (target, name) =>
        name === 'revoke'
          ? () => new Promise((_, reject) => setTimeout(() => reject(new Error(outcome)), tookMs).unref())
          : target[name as keyof typeof target],
    })
    const beganAt = performance.now()
    await t.throwsAsync(revokeSession(slow, 'x'.repeat(32), { remember: 0 }), AWAY)
    t.true(performance.now() - beganAt < 1_000, outcome)
  }
})
