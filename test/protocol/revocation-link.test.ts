import { type AddressInfo, connect, createServer } from 'node:net'
import { openStore, type Store, sessionHandle, startSession, type Watch } from '@carnet/protocol'
import anyTest from 'ava'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { ada } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

// Times are the subject here: one test after the other.
const test = anyTest.serial

const LIFE = { idle: 600_000, absolute: 3_600_000 }
const NOTED = { rememberUntil: 0, noted: true }
const BELIEVED_FOR_MS = 2_000
// What a busy machine may add to a moment that is looked at.
const NOISE_MS = 400

interface Teardown {
  teardown(work: () => void | Promise<void>): void
}

async function open(t: Teardown, url: string): Promise<Store> {
  const store = await openStore(url)
  t.teardown(() => store.close())
  return store
}

/** A store that beats as the auth service does, until it is told to stop. */
async function beating(t: Teardown, url: string) {
  const store = await open(t, url)
  store.keep(async () => {})
  await until(() => store.ping().then(() => true))
  let under: Promise<void> = Promise.resolve()
  const beat = () => {
    under = store.beat().catch(() => {})
  }
  let timer: NodeJS.Timeout | undefined
  const start = () => {
    beat()
    timer = setInterval(beat, 300)
  }
  start()
  t.teardown(() => clearInterval(timer))
  return {
    store,
    start,
    async stop() {
      clearInterval(timer)
      await under
    },
  }
}

/** A watch that writes down what it hears, and whether it was current when it was told to forget all. */
function listen(store: Store) {
  const heard: string[] = []
  const forgotAll: boolean[] = []
  const watch: Watch = store.watch({
    forget: handle => heard.push(handle),
    forgetAll: () => forgotAll.push(watch.isCurrent(0)),
  })
  return { heard, forgotAll, watch }
}

const allCurrent = (watch: Watch) =>
  Array.from({ length: 16 }, (_, digit) => watch.isCurrent(digit)).every(Boolean)
const noneCurrent = (watch: Watch) =>
  !Array.from({ length: 16 }, (_, digit) => watch.isCurrent(digit)).some(Boolean)

async function single(t: Teardown) {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const beater = await beating(t, redis.url)
  return { redis, beater }
}

test('a link is current while the service beats, and for 2 s at most after it has stopped', async t => {
  const { redis, beater } = await single(t)
  await beater.stop()
  const agent = await open(t, redis.url)
  const { watch, forgotAll } = listen(agent)
  t.true(noneCurrent(watch))
  beater.start()
  await until(() => allCurrent(watch))
  t.deepEqual(forgotAll, [false])
  const startedAt = performance.now()
  await until(async () => {
    t.true(allCurrent(watch))
    return performance.now() - startedAt > 2 * BELIEVED_FOR_MS
  })
  t.is(forgotAll.length, 1, 'nothing was missed')
  await beater.stop()
  const stoppedAt = performance.now()
  await until(() => noneCurrent(watch))
  t.true(performance.now() - stoppedAt < BELIEVED_FOR_MS + NOISE_MS)
  t.true(performance.now() - stoppedAt > 500, 'and not for one beat that is late')
  beater.start()
  await until(() => allCurrent(watch))
  t.deepEqual(forgotAll, [false, false], 'all is forgotten before the link counts again')
})

test('every handle that is revoked or renewed is heard, wherever that was done', async t => {
  const { redis, beater } = await single(t)
  const [agent, other] = [await open(t, redis.url), await open(t, redis.url)]
  const { watch, heard } = listen(agent)
  await until(() => allCurrent(watch))
  await until(() => other.ping().then(() => true))
  const revoked = await startSession(beater.store, ada, LIFE)
  const signedOut = await startSession(beater.store, ada, LIFE)
  const renewed = await startSession(beater.store, ada, LIFE)
  await beater.store.revoke(revoked.sid, NOTED)
  await other.revoke(signedOut.sid, { rememberUntil: 0, noted: false })
  await beater.store.renew(renewed.sid, { ...ada, roles: [] }, 1)
  const handles = [revoked, signedOut, renewed].map(({ sid }) => sessionHandle(sid))
  await until(() => heard.length === 3)
  t.deepEqual(heard, handles)
})

test('a line that stalls, or was cut without a sign, is believed for 2 s at most, and recovers', async t => {
  const { redis } = await single(t)
  const proxy = await startTcpProxy(redis.port)
  t.teardown(() => proxy.stop())
  const agent = await open(t, `redis://127.0.0.1:${proxy.port}`)
  const { watch, forgotAll } = listen(agent)
  for (const mode of ['stall', 'cut', 'hole'] as const) {
    await until(() => allCurrent(watch), 15_000)
    const before = forgotAll.length
    await proxy.set(mode)
    const spoiltAt = performance.now()
    await until(() => noneCurrent(watch))
    t.true(performance.now() - spoiltAt < BELIEVED_FOR_MS + NOISE_MS, mode)
    await proxy.set('pass')
    await until(() => allCurrent(watch), 15_000)
    t.is(forgotAll.length, before + 1, mode)
    t.false(forgotAll.at(-1), mode)
    // Commands go another way than what is heard.
    await until(async () => (await agent.read('x'.repeat(32))) === null)
  }
})

test('a slow line is believed for 2 s after what was said, not after what was heard', async t => {
  const { redis, beater } = await single(t)
  const proxy = await startTcpProxy(redis.port)
  t.teardown(() => proxy.stop())
  await proxy.set({ delay: 120 })
  const agent = await open(t, `redis://127.0.0.1:${proxy.port}`)
  const { watch } = listen(agent)
  await until(() => allCurrent(watch))
  await beater.stop()
  const stoppedAt = performance.now()
  await until(() => noneCurrent(watch))
  t.true(performance.now() - stoppedAt < BELIEVED_FOR_MS + NOISE_MS)
})

test('a line with a delay of a second is never current', async t => {
  const { redis } = await single(t)
  const proxy = await startTcpProxy(redis.port)
  t.teardown(() => proxy.stop())
  const agent = await open(t, `redis://127.0.0.1:${proxy.port}`)
  const { watch } = listen(agent)
  await until(() => allCurrent(watch))
  // Both directions: what is heard is a second old, and no command is answered in time.
  await proxy.set({ delay: 1_900 })
  await until(() => noneCurrent(watch))
  const startedAt = performance.now()
  await until(async () => {
    t.true(noneCurrent(watch))
    return performance.now() - startedAt > 4_000
  })
})

test('a beat counts by its own date, and only under the present reign', async t => {
  const { redis, beater } = await single(t)
  const agent = await open(t, redis.url)
  const { watch } = listen(agent)
  await until(() => allCurrent(watch))
  await beater.stop()
  await until(() => noneCurrent(watch))
  const reign = await redis.info('master_replid')
  const say = async (age: number, of: string) =>
    redis.ask('PUBLISH', 'carnet:beat:{0}', `${agent.now() - age} ${of}`)
  const never = async (why: string) => {
    const saidAt = performance.now()
    await until(async () => {
      t.true(noneCurrent(watch), why)
      return performance.now() - saidAt > 150
    })
  }
  await say(2_000, reign)
  await never('it is old')
  await say(0, 'f'.repeat(40))
  await never('it names another reign')
  await redis.ask('PUBLISH', 'carnet:beat:{0}', '')
  await redis.ask('PUBLISH', 'carnet:beat:{0}', `NaN ${reign}`)
  await redis.ask('PUBLISH', 'carnet:beat:{0}', `Infinity ${'f'.repeat(40)}`)
  await never('it says nothing')
  await say(1_000, reign)
  const saidAt = performance.now()
  await until(() => allCurrent(watch))
  await until(() => noneCurrent(watch))
  t.true(performance.now() - saidAt < 1_000 + NOISE_MS)
  await say(-60_000, reign)
  const aheadAt = performance.now()
  await until(() => allCurrent(watch))
  await until(() => noneCurrent(watch))
  t.true(performance.now() - aheadAt < BELIEVED_FOR_MS + NOISE_MS, 'a clock that is ahead gives no more time')
})

test('a line that was cut is heard again, and all is forgotten before it counts', async t => {
  const { redis, beater } = await single(t)
  const agent = await open(t, redis.url)
  const { watch, forgotAll, heard } = listen(agent)
  for (let turn = 1; turn <= 3; turn++) {
    await until(() => allCurrent(watch) && forgotAll.length >= turn)
    await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => forgotAll.length > turn)
  }
  t.false(forgotAll.includes(true))
  const { sid } = await startSession(beater.store, ada, LIFE)
  await until(() => allCurrent(watch))
  await beater.store.revoke(sid, NOTED)
  await until(() => heard.includes(sessionHandle(sid)))
})

test('after a restart the link counts again once the service has put the store in order', async t => {
  const { redis } = await single(t)
  const agent = await open(t, redis.url)
  const { watch, forgotAll } = listen(agent)
  await until(() => allCurrent(watch))
  await redis.restart()
  await until(() => forgotAll.length === 2, 20_000)
  await until(() => allCurrent(watch))
  t.false(forgotAll.includes(true))
})

async function slotOfLane(cluster: TestCluster, lane: string): Promise<number> {
  return Number(await cluster.nodes[0]?.ask('CLUSTER', 'KEYSLOT', `{${lane}}`))
}

test('in a cluster every lane is heard, also after its slot has moved and after its master was lost', async t => {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  const beater = await beating(t, cluster.url)
  const agent = await open(t, cluster.url)
  const { watch, heard } = listen(agent)
  const hears = async () => {
    await until(() => allCurrent(watch), 30_000)
    const lanes = new Set<string>()
    await until(async () => {
      const { sid } = await startSession(beater.store, ada, LIFE)
      const handle = sessionHandle(sid)
      if (lanes.has(handle.charAt(0))) return false
      await beater.store.revoke(sid, NOTED)
      const said = performance.now()
      // Either it is heard, or the link is not believed.
      await until(
        () => heard.includes(handle) || !watch.isCurrent(Number.parseInt(handle.charAt(0), 16)),
        5_000,
      )
      t.true(performance.now() - said < BELIEVED_FOR_MS + NOISE_MS)
      if (heard.includes(handle)) lanes.add(handle.charAt(0))
      return lanes.size === 16
    }, 30_000)
  }
  await hears()
  const slot = await slotOfLane(cluster, '7')
  const owner = await cluster.ownerOf(slot)
  const other = (await cluster.masters()).find(master => master !== owner)
  if (other === undefined) return t.fail()
  await cluster.moveSlot(slot, other)
  await hears()
  await other.kill()
  await until(() => !allCurrent(watch))
  await cluster.healthy(30_000)
  await hears()
  await beater.stop()
  const stoppedAt = performance.now()
  await until(() => noneCurrent(watch))
  t.true(performance.now() - stoppedAt < BELIEVED_FOR_MS + NOISE_MS)
})

test('a connection that is lost just as it is ready ends nothing, and is made anew', async t => {
  const { redis } = await single(t)
  let cuts = 0
  let cutting = false
  // Behind the answer to the last question before a connection is ready.
  const proxy = createServer(client => {
    const server = connect(redis.port, '127.0.0.1')
    for (const end of [client, server]) end.on('error', () => {})
    client.pipe(server)
    server.on('data', chunk => {
      client.write(chunk)
      if (!cutting || !chunk.includes('redis_version')) return
      cuts++
      client.resetAndDestroy()
      server.destroy()
    })
    server.on('close', () => client.destroy())
    client.on('close', () => server.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void proxy.close())
  const faults: unknown[] = []
  const onFault = (fault: unknown) => faults.push(fault)
  process.on('unhandledRejection', onFault)
  t.teardown(() => void process.off('unhandledRejection', onFault))
  const agent = await open(t, `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
  const { watch } = listen(agent)
  await until(() => allCurrent(watch))
  cutting = true
  await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until(() => cuts >= 5)
  cutting = false
  await until(() => allCurrent(watch))
  t.deepEqual(faults, [])
})
