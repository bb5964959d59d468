import test from 'ava'
import { Cluster, Redis } from 'ioredis'
import { startCluster } from './cluster.ts'
import { startRedis } from './redis.ts'
import { confirmedBy } from './replication.ts'
import { startSentinel } from './sentinel.ts'
import { startTcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'

test('after a failover with the replicas cut off, a master lacks what its predecessor had acknowledged', async t => {
  const sentinel = await startSentinel()
  t.teardown(sentinel.stop)
  const { first } = sentinel
  t.is(await sentinel.masterPort(), first.port)
  await first.ask('SET', 'early', '1')
  await until(async () => (await confirmedBy(first, ['SET', 'together', '1'])) === 2)
  await sentinel.cutReplication()
  t.is(await confirmedBy(first, ['SET', 'late', '1']), 0)
  t.is(await first.ask('GET', 'late'), '1')
  await sentinel.failover()
  const second = await sentinel.master()
  t.not(second.port, first.port)
  t.is(await second.ask('GET', 'early'), '1')
  t.is(await second.ask('GET', 'late'), null)
  await sentinel.heal()
  await second.kill()
  const third = await sentinel.promoted(second.port)
  t.is(await third.ask('GET', 'early'), '1')
})

test('a master that is alone goes on serving beside its successor, and follows it once it is let in again', async t => {
  const sentinel = await startSentinel()
  t.teardown(sentinel.stop)
  const { first } = sentinel
  await sentinel.isolateMaster()
  const second = await sentinel.promoted(first.port)
  t.is(await first.ask('SET', 'lonely', '1'), 'OK')
  t.is(await second.ask('EXISTS', 'lonely'), 0)
  await sentinel.heal()
  await until(async () => (await first.info('role')) === 'slave', 20_000)
  await until(async () => (await first.ask('EXISTS', 'lonely')) === 0)
  t.pass()
})

test('a slot moves with its keys under a client, and a replica takes over from a master that was killed', async t => {
  const cluster = await startCluster()
  t.teardown(cluster.stop)
  const ports = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  const client = new Cluster(ports, { clusterRetryStrategy: () => 50 })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  for (let index = 0; index < 250; index++) await client.set(`{a}${index}`, index)
  const slot = Number(await cluster.nodes[0]?.ask('CLUSTER', 'KEYSLOT', '{a}'))
  const from = await cluster.ownerOf(slot)
  const to = (await cluster.masters()).find(master => master !== from)
  if (to === undefined) throw new Error('There is one master only.')
  t.is(await cluster.moveSlot(slot, to), 250)
  t.is(await cluster.ownerOf(slot), to)
  t.is(await client.get('{a}7'), '7')
  await until(async () => (await to.ask('WAIT', '1', '1000')) === 1)
  await to.kill()
  await until(async () => (await cluster.ownerOf(slot)) !== to, 20_000)
  await cluster.healthy()
  t.is(await client.get('{a}8'), '8')
})

test('a server with a log on disk comes back on its port with all that it acknowledged', async t => {
  const redis = await startRedis({ appendOnly: true, user: { name: 'carnet', password: 'a:b' } })
  t.teardown(redis.stop)
  const { pid } = redis
  await redis.ask('SET', 'kept', '1')
  await redis.restart()
  t.not(redis.pid, pid)
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  t.is(await client.get('kept'), '1')
  const stranger = new Redis(redis.port, { retryStrategy: () => null })
  stranger.on('error', () => {})
  t.teardown(() => stranger.disconnect())
  await t.throwsAsync(stranger.ping(), { message: /NOAUTH/ })
})

test('a server with TLS is reached by who trusts its CA, and one with a limit refuses what exceeds it', async t => {
  const redis = await startRedis({ tls: true, maxMemory: '2mb' })
  t.teardown(redis.stop)
  const client = new Redis(redis.url, { tls: { ca: redis.ca ?? '' }, retryStrategy: () => null })
  t.teardown(() => client.disconnect())
  t.is(await client.ping(), 'PONG')
  await t.throwsAsync(
    async () => {
      for (let index = 0; index < 20; index++) await client.set(`key${index}`, 'x'.repeat(200_000))
    },
    { message: /^OOM/ },
  )
  t.not(await client.exists('key0'), 0)
})

test('a proxy passes, delays, holds, loses and cuts', async t => {
  const redis = await startRedis()
  const proxy = await startTcpProxy(redis.port)
  t.teardown(redis.stop)
  t.teardown(proxy.stop)
  const connect = () => {
    const client = new Redis(proxy.port, { retryStrategy: () => null, commandTimeout: 500 })
    client.on('error', () => {})
    t.teardown(() => client.disconnect())
    return client
  }
  const client = connect()
  t.is(await client.ping(), 'PONG')
  await proxy.set({ delay: 60 })
  const from = performance.now()
  await client.ping()
  t.true(performance.now() - from >= 119)
  await proxy.set('stall')
  const before = proxy.touched
  const held = client.incr('held')
  await until(() => proxy.touched > before)
  await proxy.set('pass')
  t.is(await held, 1)
  await proxy.set('hole')
  await t.throwsAsync(client.incr('held'), { message: /timed out/ })
  await proxy.set('pass')
  await t.throwsAsync(client.ping(), { message: /timed out/ }, 'what was forgotten stays silent')
  t.is(await connect().get('held'), '1')
  await proxy.set('cut')
  await t.throwsAsync(connect().ping())
  await proxy.set('pass')
  t.is(await connect().get('held'), '1')
})
