// Agents that reach no Redis: signatures, whose sessions they see, how long they believe; and forms of sites.

import { createServer, request } from 'node:http'
import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import {
  HttpRequests,
  HttpStore,
  MemoryStore,
  requestKeys,
  sessionHandle,
  signRequest,
  startSession,
} from '@carnet/protocol'
import test from 'ava'
import { secretsOf, startStoreService } from '../support/over-http.ts'
import { ada } from '../support/people.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { postJson, signedIn, startWorld, viaOf, whoAt } from '../support/world.ts'

const LIFE = { idle: 60_000, absolute: 3_600_000 }

test.serial('agents without Redis sign in by every way, and out everywhere', async t => {
  const world = await startWorld({ overHttp: true })
  t.teardown(() => world.close())
  const sites = [world.shop, world.news, world.games]
  const ended: string[] = []
  world.agents['games']?.on('signout', ({ id }) => ended.push(id))
  for (const signsOut of sites) {
    const browser = await signedIn(world)
    t.is(viaOf(await browser.visit(`${world.shop}/`)), 'pull')
    t.is(viaOf(await browser.visit(`${world.news}/`)), 'push')
    browser.forget(world.games)
    t.is(viaOf(await browser.visit(`${world.games}/members`)), 'bounce')
    for (const site of sites) t.is(await whoAt(browser, site), 'ada@example.com')
    const ends = ended.length
    const out = await postJson(browser, `${signsOut}/api/signout`, {}, { origin: signsOut })
    t.is(out.status, 200)
    await until(async () => {
      const said = await Promise.all(sites.map(site => whoAt(browser, site)))
      return said.every(code => code === 'signed_out')
    })
    await until(() => ended.length > ends)
  }
})

test.serial(
  'H1 signature: what is not signed, or signed by another, for another request, at another time or twice, is refused',
  async t => {
    const store = new MemoryStore()
    const service = await startStoreService(store)
    t.teardown(() => service.close())
    const { sid } = await startSession(store, ada, LIFE)
    await store.admit(sid, 'shop', store.now() + 60_000)
    const shop = requestKeys(secretsOf('shop'), 'shop')
    const news = requestKeys(secretsOf('news'), 'news')
    const target = `/v1/sessions/${sid}`
    const parts = { method: 'GET', target, body: '' }
    const now = () => Date.now()
    const good = signRequest(shop, 'shop', parts, now())
    t.is((await ask(service.port, target, good)).status, 200)
    const replayed = await ask(service.port, target, good)
    t.like(replayed, { status: 401, error: 'bad_signature' }, 'it was sent before')
    const wrong: [string, string | undefined][] = [
      ['nothing', undefined],
      ['another scheme', 'Bearer x'],
      ['another site’s key', signRequest(news, 'shop', parts, now())],
      ['another method', signRequest(shop, 'shop', { ...parts, method: 'DELETE' }, now())],
      ['another path', signRequest(shop, 'shop', { ...parts, target: '/v1/time' }, now())],
      ['another query', signRequest(shop, 'shop', { ...parts, target: `${target}?a=1` }, now())],
      ['another body', signRequest(shop, 'shop', { ...parts, body: '{}' }, now())],
      ['a minute ago', signRequest(shop, 'shop', parts, now() - 60_000)],
      ['a minute ahead', signRequest(shop, 'shop', parts, now() + 60_000)],
      ['a later time than was signed', good.replace(/at=\d+/, `at=${now() + 1}`)],
      ['another nonce than was signed', good.replace(/nonce=[\w-]{4}/, 'nonce=AAAA')],
    ]
    for (const [what, authorization] of wrong) {
      t.like(await ask(service.port, target, authorization), { status: 401, error: 'bad_signature' }, what)
    }
    const stranger = signRequest(shop, 'stranger', parts, now())
    t.like(await ask(service.port, target, stranger), { status: 400, error: 'unknown_site' })
    t.like(await ask(service.port, target, signRequest(shop, 'shop', parts, now())), { status: 200 })
  },
)

test.serial('H2 ownership: a site sees, touches and ends only sessions that were taken to it', async t => {
  const store = new MemoryStore()
  const service = await startStoreService(store)
  t.teardown(() => service.close())
  const { sid, session } = await startSession(store, ada, LIFE)
  await store.admit(sid, 'shop', store.now() + 60_000)
  const [shop, news] = [service.storeOf('shop'), service.storeOf('news')]
  t.deepEqual(await shop.read(sid), session)
  const [end] = await store.ends([sid])
  t.is(await news.read(sid), null)
  t.deepEqual(await news.touch([{ sid, until: store.now() + 3_000_000 }]), [false])
  t.false(await news.revoke(sid))
  t.deepEqual(await store.ends([sid]), [end ?? null])
  t.deepEqual(await shop.touch([{ sid, until: store.now() + 3_000_000 }]), [true])
  const [moved = 0] = await store.ends([sid])
  t.true((moved ?? 0) <= store.now() + service.manifest.session.idle, 'no further than the manifest allows')
  t.true(await shop.revoke(sid))
  t.is(await store.read(sid), null)
})

test.serial('an agent whose clock is wrong goes by the service’s', async t => {
  const service = await startStoreService(new MemoryStore())
  t.teardown(() => service.close())
  const requests = new HttpRequests(service.url, { site: 'shop', secrets: secretsOf('shop') })
  t.teardown(() => requests.close())
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  // What is signed here is signed by a clock that is an hour slow; the service has the right one.
  Date.now = () => (new Error().stack?.includes('http-requests') ? now() - 3_600_000 : now())
  t.is((await requests.ask('GET', '/v1/time')).status, 200)
  t.is((await requests.ask('GET', '/v1/time')).status, 200)
})

test.serial('auth services with different clocks go by the store’s', async t => {
  const service = await startStoreService(new MemoryStore())
  t.teardown(() => service.close())
  const requests = new HttpRequests(service.url, { site: 'shop', secrets: secretsOf('shop') })
  t.teardown(() => requests.close())
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  let ahead = 3_600_000
  Date.now = () => (new Error().stack?.split('\n')[2]?.includes('auth-service/') ? now() + ahead : now())
  t.is((await requests.ask('GET', '/v1/time')).status, 200)
  // The next one is answered by another process, as it were.
  ahead = -3_600_000
  t.is((await requests.ask('GET', '/v1/time')).status, 200)
})

test.serial(
  'H3 revocation: the stream goes on behind what was heard or says that something was missed, and is believed for 2 s at most',
  async t => {
    const store = new MemoryStore()
    const proxies: Awaited<ReturnType<typeof startTcpProxy>>[] = []
    const service = await startStoreService(store, {
      reach: async port => {
        const proxy = await startTcpProxy(port)
        proxies.push(proxy)
        return proxy.port
      },
    })
    const [proxy] = proxies
    if (proxy === undefined) return t.fail()
    t.teardown(async () => {
      await service.close()
      await proxy.stop()
    })
    const heard: string[] = []
    let missed = 0
    const agent = service.storeOf('shop')
    const watch = agent.watch({ forget: handle => heard.push(handle), forgetAll: () => void missed++ })
    await until(() => watch.isCurrent(0) && watch.isCurrent(15))
    const revoke = async () => {
      const { sid } = await startSession(store, ada, LIFE)
      await store.revoke(sid, { rememberUntil: 0, noted: true })
      return sessionHandle(sid)
    }
    const first = await revoke()
    await until(() => heard.includes(first))
    const before = missed
    await proxy.set('cut')
    await until(() => !watch.isCurrent(0))
    const meanwhile = await revoke()
    await proxy.set('pass')
    await until(() => watch.isCurrent(0))
    t.true(heard.includes(meanwhile), 'told before anything is believed again')
    t.is(missed, before)

    await proxy.set('hole')
    const silentAt = performance.now()
    await until(() => !watch.isCurrent(0))
    t.true(
      performance.now() - silentAt < 2_500,
      'a silent stream is believed for 2 s at most, and what a busy machine adds',
    )
    for (let n = 0; n < 8_300; n++) await revoke()
    await proxy.set('pass')
    await until(() => watch.isCurrent(0), 10_000)
    t.is(missed, before + 1, 'too much to be told one by one')
  },
)

test.serial('a store is asked for over https, and over http on localhost only', t => {
  const signatory = { site: 'shop', secrets: secretsOf('shop') }
  for (const url of [
    'http://auth.example',
    'https://user@auth.example',
    'https://auth.example/?a',
    'ftp://x',
    'x',
  ]) {
    t.throws(() => new HttpStore(url, signatory), { instanceOf: TypeError }, url)
  }
})

test.serial('an auth service that is not one is a store that is away, and is told so in the log', async t => {
  const server = createServer((_req, res) =>
    res.writeHead(302, { location: 'http://localhost/' }).end('<html>'),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const errors: Error[] = []
  const store = new HttpStore(
    `http://localhost:${port}`,
    { site: 'shop', secrets: secretsOf('shop') },
    error => errors.push(error),
  )
  t.teardown(async () => {
    await store.close()
    server.closeAllConnections()
    server.close()
  })
  await t.throwsAsync(store.ping(), { code: 'store_unavailable' } as object)
  t.throws(() => store.now(), { code: 'store_unavailable' } as object)
  await until(() => errors.some(({ message }) => message.includes('answers 302')))
})

test.serial(
  'H4 takeover: nobody is brought into a stranger’s session by the way on from a site’s form',
  async t => {
    const adjust = (yaml: string) => yaml.replace('id: shop,', 'id: shop, signInForm: true,')
    const world = await startWorld({ adjust, overHttp: true })
    t.teardown(() => world.close())
    const { auth, shop } = world
    const mallory = new Browser()
    const { email, password } = ADA
    const signedIn = await postJson(mallory, `${shop}/api/signin`, { email, password }, { origin: shop })
    const { data } = JSON.parse(signedIn.body) as { data: { next: string } }
    const begun = await mallory.request(data.next)
    const handover = begun.headers.location ?? ''
    const back = (await mallory.request(handover)).headers.location ?? ''
    t.true(back.startsWith(`${auth}/takeover?ticket=auth.`))
    const victim = new Browser()
    t.is((await victim.request(back)).status, 303)
    t.is(victim.cookie(auth, 'carnet'), null, 'no nonce of this browser’s own')
    const own = (await mallory.request(handover)).headers.location ?? ''
    t.true(own.includes('ticket=auth.'))
    await victim.request(`${auth}/takeover?site=shop`)
    t.is((await victim.request(own)).status, 303)
    t.is(victim.cookie(auth, 'carnet'), null, 'another nonce')
    t.is((await mallory.request(`${auth}/takeover?site=games`)).status, 403)
    t.is((await mallory.request(`${auth}/takeover?site=nobody`)).status, 400)
    const scripted = { headers: { 'sec-fetch-mode': 'cors' } }
    t.is((await mallory.request(`${shop}/api/handover?state=x`, scripted)).status, 403)
    const stranger = await new Browser().follow(data.next)
    t.is(new URL(stranger.at(-1)?.url ?? '').origin, auth, 'who is not signed in at the site gets no further')
  },
)

test.serial('H5 passwords: a site that the manifest does not trust with them can pass none on', async t => {
  const store = new MemoryStore()
  const service = await startStoreService(store)
  t.teardown(() => service.close())
  const requests = new HttpRequests(service.url, { site: 'shop', secrets: secretsOf('shop') })
  t.teardown(() => requests.close())
  const client = { address: '127.0.0.1', userAgent: 'x', addressUncertain: false }
  const body = {
    fields: {},
    state: 'x',
    origin: 'http://shop.localhost:4001',
    client,
    userAgentHeader: '',
    device: null,
  }
  t.like(await requests.ask('POST', '/v1/signin', body), { status: 403, error: 'forbidden' })
  const ticket = { sid: 'a'.repeat(32), state: 'x', client }
  t.like(await requests.ask('POST', '/v1/tickets', ticket), { status: 403, error: 'forbidden' })
})

interface Reply {
  readonly status: number
  readonly error?: string
}

function ask(port: number, path: string, authorization: string | undefined): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', ...(authorization !== undefined && { authorization }) }
    const sent = request({ host: '127.0.0.1', port, path, headers }, async received => {
      let body = ''
      for await (const chunk of received) body += chunk
      resolve({ status: received.statusCode ?? 0, ...(JSON.parse(body) as object) })
    })
    sent.on('error', reject)
    sent.end()
  })
}
