import anyTest, { type TestFn } from 'ava'
import { useRedis } from '../support/redis-subject.ts'
import { startSentinel } from '../support/sentinel.ts'
import { conforms, type Subject } from './store-conformance.ts'

const test = anyTest.serial as TestFn<Subject>

// They would promote a replica of a master that is frozen for a test; here they are to wait for it.
const sentinel = await startSentinel({ downAfterMs: 60_000 })
await useRedis(test, {
  url: sentinel.url,
  freeze: () => sentinel.first.freeze(),
  thaw: () => sentinel.first.thaw(),
  stop: sentinel.stop,
})
conforms(test)
