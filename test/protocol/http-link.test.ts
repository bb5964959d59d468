import { createServer } from 'node:http'
import { HttpRequests, HttpStore, MemoryStore } from '@carnet/protocol'
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

test('a site has only so many streams, which come and go at no cost to the others', async t => {
  const service = await startStoreService(new MemoryStore())
  const open: { destroy(): unknown }[] = []
  const [shop, news] = ['shop', 'news'].map(
    site => new HttpRequests(service.url, { site, secrets: secretsOf(site) }),
  )
  t.teardown(async () => {
    for (const stream of open) stream.destroy()
    shop?.close()
    news?.close()
    await service.close()
  })
  if (shop === undefined || news === undefined) return t.fail()
  const stream = async (of: HttpRequests) => {
    const opened = await of.open('/v1/revocations', {}, new AbortController().signal)
    open.push(opened)
    return opened
  }
  let beats = 0
  const first = await stream(news)
  first.on('data', chunk => {
    beats += String(chunk).match(/event: beat/g)?.length ?? 0
  })
  await until(() => beats > 0)
  const [before, from] = [beats, performance.now()]
  await Promise.all(Array.from({ length: 256 }, () => stream(shop)))
  t.true(beats - before <= Math.ceil((performance.now() - from) / 250) + 1, `${beats - before} beats`)
  await t.throwsAsync(stream(shop), { message: /429/ })
  t.is(await stream(news).then(() => 'another site may'), 'another site may')
  open[1]?.destroy()
  await until(() =>
    stream(shop).then(
      () => true,
      () => false,
    ),
  )
})

test('what was carried out before its answer was lost is not signed anew, whatever the clocks say', async t => {
  const nonces: string[] = []
  const date = () => new Date(Date.now() + 20_000).toUTCString()
  const server = createServer((req, res) => {
    const [, nonce = ''] = /nonce=([\w-]+)/.exec(req.headers.authorization ?? '') ?? []
    nonces.push(nonce)
    if (nonces.length === 2) return void req.socket.resetAndDestroy()
    const isReplay = nonces.indexOf(nonce) < nonces.length - 1
    const answer = isReplay ? { code: 401, error: 'bad_signature' } : { code: 0, data: {} }
    res.writeHead(answer.code || 200, { date: date() }).end(JSON.stringify(answer))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const requests = new HttpRequests(`http://localhost:${port}`, { site: 'shop', secrets: secretsOf('shop') })
  t.teardown(() => {
    requests.close()
    server.closeAllConnections()
    server.close()
  })
  const redeem = (ticket: string) =>
    requests.ask('POST', '/v1/tickets/redeem', { ticket }, { within: 10_000 })
  t.is((await redeem('a')).status, 200)
  await t.throwsAsync(redeem('b'), { code: 'store_unavailable' } as object)
  t.is(new Set(nonces).size, 2)
})
