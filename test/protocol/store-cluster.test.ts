import anyTest, { type TestFn } from 'ava'
import { startCluster } from '../support/cluster.ts'
import { useRedis } from '../support/redis-subject.ts'
import { conforms, type Subject } from './store-conformance.ts'

const test = anyTest.serial as TestFn<Subject>

// It would promote replicas of masters that are frozen for a test; here it is to wait for them.
const cluster = await startCluster({ nodeTimeoutMs: 30_000 })
await useRedis(test, {
  url: cluster.url,
  freeze: () => {
    for (const node of cluster.nodes) node.freeze()
  },
  thaw: () => {
    for (const node of cluster.nodes) node.thaw()
  },
  stop: cluster.stop,
})
conforms(test)
