import anyTest, { type TestFn } from 'ava'
import { useRedis } from '../support/redis-subject.ts'
import { conforms, type Subject } from './store-conformance.ts'

// One node that serves all slots refuses a command over two slots just as a large cluster does.
const test = anyTest.serial as TestFn<Subject>

await useRedis(test, { cluster: true })
conforms(test)
