import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { type CarnetError, openStore, type Report, sessionHandle, startSession } from '@carnet/protocol'
import anyTest, { type TestFn } from 'ava'
import { Redis } from 'ioredis'
import { openKeptStore } from '../support/kept-store.ts'
import { ada } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { useRedis } from '../support/redis-subject.ts'
import { until } from '../support/until.ts'
import { conforms, type Subject } from './store-conformance.ts'

const test = anyTest.serial as TestFn<Subject>

const { redis } = await useRedis(test, await startRedis())
conforms(test)

test('every key ends by itself, and none holds a ticket', async t => {
  const direct = new Redis(redis.port)
  const report = { event: 'session_revoked', outcome: 'ok', prefix: null, session: null, at: 1 } as const
  await t.context.store.report('left-alone', [report])
  const keys = await direct.keys('*')
  t.true(keys.includes('carnet:reports:{left-alone}'))
  t.true(keys.length > 0)
  for (const key of keys) {
    t.regex(
      key,
      /^carnet:([sra]:\{[\w-]{8}\}[\w-]{24}|n:[a-z0-9-]+:[\w-]{32}|t:[a-z0-9-]+:\{[\w-]{8}\}:[\w-]{43}|reign:\w{40}|unnoted:\{0\}|reports:\{[a-z0-9-]+\})$/,
    )
    // What was signed out at sites is kept until it is noted elsewhere.
    if (key.startsWith('carnet:unnoted')) continue
    t.not(await direct.pttl(key), -1, `${key} never ends`)
  }
  direct.disconnect()
})

test('a report that no agent of ours writes is dropped', async t => {
  const { store } = t.context
  const direct = new Redis(redis.port)
  const good: Report = {
    event: 'session_revoked',
    outcome: 'ok',
    prefix: null,
    session: 'a'.repeat(32),
    at: 1,
  }
  const changes = [
    { event: 'user_removed' },
    { outcome: 'fine' },
    { outcome: 'ticket_unknown' },
    { event: 'ticket_refused' },
    { prefix: '192.0.2.1/24' },
    { prefix: '192.0.2.0/8' },
    { prefix: 'x\u0000' },
    { session: 'sid' },
    { at: '1' },
    { at: 1.5 },
    { user: 'u-ada' },
  ]
  const bad = changes.map(change => JSON.stringify({ ...good, ...change }))
  await direct.lpush('carnet:reports:{shop}', JSON.stringify(good), ...bad, 'null', '[]', '{', '"', '')
  direct.disconnect()
  t.deepEqual(await store.reports(['shop']), [{ site: 'shop', report: good }])
})

test('50,000 entries that are no handles are gone after two looks, and hide none', async t => {
  const { store } = t.context
  const direct = new Redis(redis.port)
  t.teardown(() => direct.disconnect())
  const key = 'carnet:unnoted:{0}'
  await direct.del(key)
  const nth = (n: number) => n.toString(16).padStart(32, '0')
  const handles = Array.from({ length: 20 }, (_, n) => nth(n))
  const invalid = (n: number) => Buffer.from(`ff${nth(n).slice(2)}`, 'hex')
  const other = (n: number) => Buffer.from(`${nth(n)}${'\n'.repeat(n % 2)}G`)
  for (let start = 0; start < 50_000; start += 5_000) {
    const some = Array.from({ length: 5_000 }, (_, n) => (n % 2 ? invalid : other)(start + n))
    await direct.sadd(key, ...some)
  }
  await direct.sadd(key, ...handles)
  await store.unnoted()
  t.deepEqual((await store.unnoted()).sort(), handles)
  t.deepEqual((await direct.smembers(key)).sort(), handles)
  await store.noted(handles)
  t.is(await direct.exists(key), 0)
})

test('entries of megabytes are gone as well', async t => {
  const { store } = t.context
  const direct = new Redis(redis.port)
  t.teardown(() => direct.disconnect())
  const key = 'carnet:unnoted:{0}'
  await direct.del(key)
  for (let n = 0; n < 60; n++) await direct.sadd(key, Buffer.alloc(4_000_000, n))
  const handle = 'a'.repeat(32)
  await direct.sadd(key, handle)
  // A server that still writes what it was sent to its log may be late at first.
  const look = () => store.unnoted().catch(() => [])
  await until(async () => (await look()).length === 1 && (await direct.scard(key)) === 1)
  t.deepEqual(await direct.smembers(key), [handle])
  await store.noted([handle])
})

const refusal = (at: number): Report => ({
  event: 'ticket_refused',
  outcome: 'ticket_unknown',
  prefix: '192.0.2.0/24',
  session: null,
  at,
})

test('what a site has told beyond a megabyte is dropped unread, and another site is heard', async t => {
  const { store } = t.context
  const direct = new Redis(redis.port)
  t.teardown(() => direct.disconnect())
  const key = 'carnet:reports:{flooder}'
  for (let n = 0; n < 60; n++) await direct.lpush(key, Buffer.alloc(4_000_000, 0x61))
  // Who reads but the first of the list sees nothing large.
  for (let n = 0; n < 900; n++) await direct.lpush(key, JSON.stringify(refusal(n)))
  await store.report('quiet', [refusal(1)])
  const dropped: string[] = []
  const told = await store.reports(['flooder', 'quiet'], site => dropped.push(site))
  t.deepEqual(told, [{ site: 'quiet', report: refusal(1) }])
  t.deepEqual(dropped, ['flooder'])
  t.is(await direct.exists(key), 0)
  await store.report('flooder', [refusal(2)])
  t.deepEqual(await store.reports(['flooder'], site => dropped.push(site)), [
    { site: 'flooder', report: refusal(2) },
  ])
  t.is(dropped.length, 1)
})

test('the longest reports of an agent of ours are not taken for a flood', async t => {
  const { store } = t.context
  const at = Number.MAX_SAFE_INTEGER
  const longest: Report = {
    event: 'ticket_refused',
    outcome: 'store_unavailable',
    prefix: '2001:db8:1111:2222::/64',
    session: 'a'.repeat(32),
    at,
  }
  await store.report(
    'busy',
    Array.from({ length: 1_000 }, () => longest),
  )
  t.is((await store.reports(['busy'], site => t.fail(site))).length, 1_000)
})

test('reports of other sites come where those of one cannot be taken', async t => {
  const { store } = t.context
  const direct = new Redis(redis.port)
  t.teardown(() => direct.disconnect())
  await direct.set('carnet:reports:{odd}', 'no list', 'PX', 60_000)
  await store.report('even', [refusal(1)])
  t.deepEqual(await store.reports(['odd', 'even']), [{ site: 'even', report: refusal(1) }])
  await t.throwsAsync(store.reports(['odd']), { code: 'store_unavailable' } as object)
  await direct.del('carnet:reports:{odd}')
})

test('a command that cannot be sent fails now and is not sent later', async t => {
  const other = await startRedis()
  const away = await openStore(other.url)
  t.teardown(() => away.close())
  await other.stop()
  await until(async () => {
    try {
      await away.ping()
      return false
    } catch {
      return true
    }
  })
  const error = await t.throwsAsync(away.ends(['x'.repeat(32)]), { code: 'store_unavailable' } as object)
  t.regex(String(error?.cause), /writeable/, 'it was not even queued')
  await until(() => {
    try {
      away.now()
      return false
    } catch (unknown) {
      return (unknown as CarnetError).code === 'store_unavailable'
    }
  })
})

test('a server with TLS, a CA of its own and a user is reached, and no other one', async t => {
  const user = { name: 'somebody', password: 'a password: with /signs@in it' }
  const own = await startRedis({ tls: true, user })
  t.teardown(() => own.stop())
  const stranger = await openStore(own.url)
  await t.throwsAsync(stranger.ping(), { code: 'store_unavailable' } as object, 'its CA is not trusted')
  await stranger.close()

  // As NODE_EXTRA_CA_CERTS does at a process's start.
  setDefaultCACertificates([...getCACertificates(), own.ca ?? ''])
  const known = await openKeptStore(own.url)
  t.teardown(() => known.close())
  await until(() => known.ping().then(() => true))
  const watch = known.watch({ forget: () => {}, forgetAll: () => {} })
  await until(() => watch.isCurrent(0))
  const { sid } = await startSession(known, ada, { idle: 60_000, absolute: 60_000 })
  t.deepEqual((await known.read(sid))?.user, ada)
  const wrong = await openStore(own.url.replace(user.name, 'nobody'))
  await t.throwsAsync(wrong.ping(), { code: 'store_unavailable' } as object)
  await wrong.close()
})

test('a store that is full refuses what it cannot keep, and ends the session all the same', async t => {
  const own = await startRedis({ maxMemory: '100mb' })
  const full = await openKeptStore(own.url)
  t.teardown(async () => {
    await full.close()
    await own.stop()
  })
  const forgotten: string[] = []
  const watch = full.watch({ forget: handle => forgotten.push(handle), forgetAll: () => {} })
  await until(() => watch.isCurrent(0))
  const rememberedUntil = full.now() + 60_000
  const { sid } = await startSession(full, ada, { idle: 60_000, absolute: 60_000 }, { rememberedUntil })
  await own.ask('CONFIG', 'SET', 'maxmemory', '1mb')
  await t.throwsAsync(full.beat(), { code: 'store_unavailable' } as object, 'it takes no writes')
  await t.throwsAsync(full.revoke(sid, { rememberUntil: 0, noted: false }), {
    code: 'store_unavailable',
  } as object)
  t.is(await full.read(sid), null)
  await until(() => forgotten.includes(sessionHandle(sid)))
  await own.ask('CONFIG', 'SET', 'maxmemory', '100mb')
  await full.revoke(sid, { rememberUntil: rememberedUntil, noted: false })
  t.true(await full.wasRevoked(sid), 'asked again, it is kept in mind')
})
