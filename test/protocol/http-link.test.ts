import { createServer } from 'node:http'
import { HttpStore, MemoryStore } from '@carnet/protocol'
import test from 'ava'
import { secretsOf, startStoreService } from '../support/over-http.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

test('a stream that is held back, however steadily, is not believed', async t => {
  let heldBackBy = 10_000
  let beats = 0
  const server = createServer((req, res) => {
    if (req.url === '/v1/time') return void res.end(JSON.stringify({ code: 0, data: { now: Date.now() } }))
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => {
      const beat = { now: Date.now() - heldBackBy, left: Array(16).fill(2_000) }
      res.write(`event: beat\ndata: ${JSON.stringify(beat)}\n\n`)
      beats++
    }, 20)
    res.on('close', () => clearInterval(timer))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const store = new HttpStore(`http://localhost:${port}`, { site: 'shop', secrets: secretsOf('shop') })
  t.teardown(async () => {
    await store.close()
    server.closeAllConnections()
    server.close()
  })
  const watch = store.watch({ forget: () => {}, forgetAll: () => {} })
  await store.settled(2_000)
  for (let n = 0; n < 10; n++) {
    const seen = beats
    await until(() => beats > seen)
    t.false(watch.isCurrent(0))
  }
  heldBackBy = 0
  await until(() => watch.isCurrent(0))
})

test('who was away for long is told to forget all, and is not cut off again and again', async t => {
  const store = new MemoryStore()
  const proxies: Awaited<ReturnType<typeof startTcpProxy>>[] = []
  const service = await startStoreService(store, {
    reach: async port => {
      proxies.push(await startTcpProxy(port))
      return proxies[0]?.port ?? 0
    },
  })
  const [proxy] = proxies
  if (proxy === undefined) return t.fail()
  t.teardown(async () => {
    await service.close()
    await proxy.stop()
  })
  let missed = 0
  const watch = service.storeOf('shop').watch({ forget: () => {}, forgetAll: () => void missed++ })
  await until(() => watch.isCurrent(0))
  const before = missed
  await proxy.set('cut')
  await until(() => !watch.isCurrent(0))
  for (let n = 0; n < 3_500; n++) {
    await store.revoke(`${n}`.padStart(32, 'a'), { rememberUntil: 0, noted: true })
  }
  await proxy.set('pass')
  await until(() => watch.isCurrent(0))
  t.is(missed, before + 1)
})
