import { type CarnetError, openStore } from '@carnet/protocol'
import anyTest, { type TestFn } from 'ava'
import { Redis } from 'ioredis'
import { startRedis } from '../support/redis.ts'
import { useRedis } from '../support/redis-subject.ts'
import { until } from '../support/until.ts'
import { conforms, type Subject } from './store-conformance.ts'

const test = anyTest.serial as TestFn<Subject>

const { redis } = await useRedis(test)
conforms(test)

test('every key ends by itself, and none holds a ticket', async t => {
  const direct = new Redis(redis.port)
  const keys = await direct.keys('*')
  t.true(keys.length > 0)
  for (const key of keys) {
    t.regex(
      key,
      /^carnet:([sr]:\{[\w-]{8}\}[\w-]{24}|t:[a-z0-9-]+:\{[\w-]{8}\}:[\w-]{43}|reign:\w{40}|unnoted:\{0\})$/,
    )
    // What was signed out at sites is kept until it is noted elsewhere.
    if (key.startsWith('carnet:unnoted')) continue
    t.not(await direct.pttl(key), -1, `${key} never ends`)
  }
  direct.disconnect()
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
