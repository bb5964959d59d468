import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { Browser } from '@carnet/demo/browser'
import {
  CarnetError,
  issueTickets,
  MemoryStore,
  openStore,
  parseManifest,
  parseSecrets,
  type SessionRecord,
  Signer,
  signSid,
  siteSecrets,
  startSession,
} from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/node'
import test from 'ava'
import { ada, clientAt } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { signedIn, signInJson, startWorld, viaOf, whoAt } from '../support/world.ts'

const silent = (yaml: string) => yaml.replace('fanOut: push', 'fanOut: none, silent: true')

test('a members’ page sends navigations to sign in, and answers everything else with 401 JSON', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const ask = (headers: Record<string, string>, method = 'GET') =>
    new Browser().request(`${world.shop}/members`, { headers, method })
  for (const headers of [
    {},
    { accept: 'text/html' },
    { 'sec-fetch-mode': 'navigate' },
    { 'sec-fetch-mode': 'navigate', accept: 'application/json' },
  ] as Record<string, string>[]) {
    t.is((await ask(headers)).status, 303, JSON.stringify(headers))
  }
  for (const headers of [
    { accept: 'application/json' },
    { accept: 'Application/Problem+JSON' },
    { 'content-type': 'application/json', accept: '*/*' },
    { 'sec-fetch-mode': 'cors', accept: 'text/html' },
    { 'sec-fetch-mode': 'no-cors' },
  ] as Record<string, string>[]) {
    const reply = await ask(headers)
    t.is(reply.status, 401, JSON.stringify(headers))
    t.like(JSON.parse(reply.body), { code: 401, error: 'signed_out' })
    t.deepEqual(reply.cookies, [])
  }
  const referer = `${world.shop}/basket?step=2`
  const form = await ask({ referer }, 'POST')
  const signIn = await new Browser().request(form.headers.location ?? '')
  t.is(form.status, 303, 'a form of who was signed out meanwhile')
  t.is(signIn.status, 303)
})

test('a silent site asks once for a browser that keeps cookies, and never for one that does not', async t => {
  const world = await startWorld({ adjust: silent })
  t.teardown(() => world.close())
  const { auth, news } = world
  const browser = new Browser()
  await signInJson(world, browser)
  t.is(viaOf(await browser.visit(`${news}/`)), 'none', 'the first visit shows whether cookies stay')
  t.is(viaOf(await browser.visit(`${news}/`)), 'bounce', 'the second is signed in without a click')

  const stranger = new Browser()
  await stranger.visit(`${news}/`)
  const asked = await stranger.follow(`${news}/`)
  t.is(asked.length, 4, 'there and back')
  t.is(viaOf(asked.at(-1) as (typeof asked)[number]), 'none')
  t.is((await stranger.follow(`${news}/`)).length, 1, 'and not again')
  t.is(
    (await stranger.follow(`${news}/api/signin?prompt=none&return_to=/members`)).at(0)?.headers.location,
    `${news}/members`,
  )

  const stays = new Browser()
  await stays.visit(`${news}/`)
  const long = await stays.follow(`${news}/?utm=${'x'.repeat(600)}`)
  t.is(long.length, 1, 'an address that no cookie can keep stays as it is')
  const crawler = new Browser({ cookies: false })
  for (let visit = 0; visit < 3; visit++) t.is((await crawler.follow(`${news}/`)).length, 1)
  const script = new Browser()
  await script.visit(`${news}/`)
  const fetched = await script.request(`${news}/`, { headers: { 'sec-fetch-mode': 'cors' } })
  t.is(fetched.status, 200)
  t.true(auth !== '')
})

test('prompt=none brings a signed-out browser straight back, and the agent then leaves it alone', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const browser = new Browser()
  const first = await browser.follow(`${world.shop}/api/signin?prompt=none&return_to=/?x=1`)
  t.deepEqual(
    first.map(({ url }) => new URL(url).pathname),
    ['/api/signin', '/authorize', '/api/auth', '/'],
  )
  t.is(first.at(-1)?.url, `${world.shop}/?x=1`)
  const second = await browser.follow(`${world.shop}/api/signin?prompt=none&return_to=/?x=2`)
  t.deepEqual(
    second.map(({ url }) => new URL(url).pathname),
    ['/api/signin', '/'],
  )
})

test('an alias is the same site with cookies of its own', async t => {
  const world = await startWorld({
    adjust: yaml =>
      yaml.replace(
        /(id: shop.*origin: "http:\/\/shop\.localhost:(\d+)")/,
        '$1, aliases: ["http://www.shop.localhost:$2"]',
      ),
  })
  t.teardown(() => world.close())
  const alias = world.shop.replace('//shop.', '//www.shop.')
  const browser = new Browser()
  await signInJson(world, browser)
  const trail = await browser.follow(`${alias}/members`)
  t.is(trail.at(-1)?.url, `${alias}/members`)
  t.is(viaOf(trail.at(-1) as (typeof trail)[number]), 'bounce')
  t.not(browser.cookie(alias, 'carnet'), null)
  t.is(browser.cookie(world.shop, 'carnet'), null)
  const other = await browser.request(`${world.shop}/members`, { headers: { host: 'evil.example' } })
  t.true(other.headers.location?.includes('site=shop&'), 'a foreign Host header names no audience')
  t.false(other.headers.location?.includes('evil'))
})

test('while the store is away public pages open, members’ pages answer 503, and no cookie is touched', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const store = await openStore(redis.url)
  const world = await startWorld({ store })
  t.teardown(() => world.close())
  const browser = await signedIn(world)
  const leaver = await signedIn(world)
  for (const each of [browser, leaver]) await each.visit(`${world.shop}/members`)
  redis.freeze()
  const frozenAt = performance.now()
  // What is in memory counts for a moment yet.
  await until(async () => viaOf(await browser.request(`${world.shop}/`)) === 'none')
  t.true(performance.now() - frozenAt < 3_000)
  const startedAt = performance.now()
  const page = await browser.request(`${world.shop}/`)
  t.is(page.status, 200)
  t.deepEqual(page.cookies, [])
  const away = [
    await browser.request(`${world.shop}/members`),
    await browser.request(`${world.shop}/members`, { headers: { accept: 'application/json' } }),
    await browser.request(`${world.shop}/api/session`),
    await browser.request(`${world.shop}/api/auth?ticket=shop.aaaaaaaa.${'a'.repeat(24)}&state=x`),
    await browser.request(`${world.shop}/api/auth.gif?ticket=shop.aaaaaaaa.${'a'.repeat(24)}`),
    await leaver.submit(`${world.shop}/`, '/api/signout', {}),
    await browser.request(`${world.auth}/authorize?site=shop&state=${'s'.repeat(43)}`),
    await leaver.submit(`${world.auth}/signout`, '/signout', {}),
    await browser.request(`${world.auth}/readyz`),
  ]
  for (const reply of away) {
    t.is(reply.status, 503, reply.url)
    t.not(reply.headers['retry-after'], undefined, reply.url)
    t.deepEqual(reply.cookies, [], reply.url)
    // A sign-out may have come half way: nothing says that nothing has changed.
    if (reply.url.endsWith('/api/signout')) t.regex(reply.body, /could not confirm that you are signed out/)
  }
  t.true(performance.now() - startedAt < 10_000, 'ten answers, each within a second')
  redis.thaw()
  await until(async () => (await whoAt(browser, world.shop)) === 'ada@example.com')
})

test('the node:http adapter answers its own routes, tells who visits, and guards what is asked of it', async t => {
  const store = new MemoryStore()
  const world = await startWorld({ store })
  t.teardown(() => world.close())
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://plain.localhost:${(server.address() as AddressInfo).port}`
  const yaml = `auth: ${world.auth}\nsites:\n  - { id: shop, origin: "${origin}" }\n`
  const secrets = siteSecrets(['a secret of thirty-two bytes or so'], 'shop')
  const agent = await createAgent({
    site: 'shop',
    manifest: parseManifest(yaml, 'test.yaml'),
    secrets,
    store,
  })
  const gate = carnet(agent)
  server.on('request', async (req, res) => {
    if (await gate(req, res)) return
    if (req.url === '/editors' && gate.required(req, res, { role: 'editor' }) === null) return
    if (req.url === '/members' && gate.required(req, res, { verified: true }) === null) return
    let body = ''
    for await (const chunk of req) body += chunk
    res.end(`${gate.session(req)?.user.name ?? 'nobody'} ${body}`)
  })

  const browser = new Browser()
  t.is((await browser.request(`${origin}/`)).body, 'nobody ')
  t.is((await browser.request(`${origin}/members`)).status, 303)
  t.is((await browser.request(`${origin}/api/other`)).status, 200, 'the site’s own routes below /api pass')

  // The world's service does not know this site; its ticket comes from the store itself.
  const { sid } = await startSession(
    store,
    { ...ada, emailVerified: false, roles: [] },
    { idle: 60_000, absolute: 60_000 },
  )
  const begun = await browser.request(`${origin}/api/signin?return_to=/members`)
  const state = new URL(begun.headers.location ?? '').searchParams.get('state') ?? ''
  const [ticket] = await issueTickets(store, sid, clientAt('127.0.0.1'), [
    { site: 'shop', ttl: 3_000, state },
  ])
  const back = await browser.request(`${origin}/api/auth?ticket=${ticket}&state=${state}`)
  t.is(back.headers.location, `${origin}/members`)
  t.is((await browser.request(`${origin}/`)).body, 'Ada ')
  const long = 'x'.repeat(2_000_000)
  t.is(
    (await browser.request(`${origin}/`, { method: 'POST', body: long })).body,
    `Ada ${long}`,
    'bodies pass untouched',
  )
  t.is((await browser.request(`${origin}/members`)).headers['carnet-error'], 'email_unverified')
  const forbidden = await browser.request(`${origin}/editors`, { headers: { accept: 'application/json' } })
  t.like(JSON.parse(forbidden.body), { code: 403, error: 'forbidden' })
  t.is((await browser.request(`${origin}/api/session`, { method: 'POST' })).headers['allow'], 'GET')
})

test('a store that reads but tells no time refuses what needs the time, and throws nothing', async t => {
  class Timeless extends MemoryStore {
    timeless = false
    override now(): number {
      if (this.timeless) throw new CarnetError('store_unavailable', 'no time')
      return super.now()
    }
    override async read(sid: string): Promise<SessionRecord | null> {
      return sid === kept.sid ? kept.session : null
    }
  }
  const store = new Timeless()
  const kept = await startSession(store, ada, { idle: 60_000, absolute: 60_000 })
  const manifest = parseManifest(
    'auth: http://auth.localhost\nsites: [{ id: shop, origin: "http://shop.localhost" }]',
    'm',
  )
  const secrets = parseSecrets('x'.repeat(32))
  const agent = await createAgent({ site: 'shop', manifest, secrets, store })
  store.timeless = true
  const cookie = `carnet=${signSid(new Signer(secrets, 'shop'), kept.sid)}`
  const outcome = await agent.handle({ method: 'GET', target: '/', headers: { cookie }, peer: '127.0.0.1' })
  if (outcome.answer !== null) return t.fail('the page is no route of the agent')
  t.is(outcome.visit.session?.user.name, 'Ada')
  t.is(outcome.visit.require(), null)
  t.is(outcome.visit.require({ maxAge: 60 })?.status, 503)
})

test('an agent that cannot work says so at its start', async t => {
  const production = parseManifest(
    'auth: https://auth.example\nsites: [{ id: shop, origin: https://shop.example }]',
    'm',
  )
  const secrets = 'a secret of thirty-two bytes or so'
  const make = (options: object) => createAgent({ site: 'shop', manifest: production, secrets, ...options })
  await t.throwsAsync(make({}), { instanceOf: TypeError, message: /`store` is missing/ })
  await t.throwsAsync(make({ site: 'nobody' }), { instanceOf: TypeError, message: /no site "nobody".*shop/ })
  await t.throwsAsync(make({ secrets: 'short' }), { instanceOf: TypeError, message: /5 bytes/ })
  await t.throwsAsync(make({ secrets: '' }), { instanceOf: TypeError })
  await t.throwsAsync(make({ store: 'mysql://x' }), { instanceOf: TypeError, message: /names no store/ })
  await t.throwsAsync(make({ trustProxy: 'everybody' }), { instanceOf: TypeError })
  await t.throwsAsync(make({ manifest: '/nowhere/sites.yaml' }), { message: /no such file/ })
  const agent = await make({ store: 'memory:' })
  await agent.close()
})

test('an agent whose options cannot work has opened no store', async t => {
  let connections = 0
  const redis = createTcpServer(socket => {
    connections++
    socket.on('error', () => {}).end()
  })
  await new Promise<void>(resolve => redis.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void redis.close())
  const manifest = parseManifest(
    'auth: https://auth.example\nsites: [{ id: shop, origin: https://shop.example }]',
    'm',
  )
  const store = `redis://127.0.0.1:${(redis.address() as AddressInfo).port}`
  for (const options of [{ cache: -1 }, { staleFor: 0 }, { onStoreDown: 'stale', cache: 0 }] as const) {
    const making = createAgent({ site: 'shop', manifest, secrets: 'x'.repeat(32), store, ...options })
    await t.throwsAsync(making, { instanceOf: TypeError })
  }
  t.is(connections, 0)
})

test('over https every cookie is __Host-, and only the claim is third-party', async t => {
  const manifest = parseManifest(
    'auth: https://auth.example\nsites: [{ id: shop, origin: https://shop.example, silent: true }]',
    'm',
  )
  const agent = await createAgent({ site: 'shop', manifest, secrets: 'x'.repeat(32), store: 'memory:' })
  const cookiesOf = async (target: string) => {
    const outcome = await agent.handle({
      method: 'GET',
      target,
      headers: { host: 'shop.example' },
      peer: '192.0.2.1',
    })
    return outcome.answer === null ? outcome.visit.cookies : outcome.answer.cookies
  }
  t.regex(
    (await cookiesOf('/api/signin')).join(),
    /^__Host-carnet-nonce-[\w-]{12}=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/,
  )
  t.regex(
    (await cookiesOf('/api/auth.gif')).join(),
    /^__Host-carnet-pull-[0-9a-f]=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=None$/,
  )
  t.is((await cookiesOf('/')).join(), '__Host-carnet-silent=ready; Path=/; HttpOnly; Secure; SameSite=Lax')
  await agent.close()
})

test('an agent says which site it is, in which version, and whether it reaches the store', async t => {
  const store = new MemoryStore()
  const manifest = parseManifest(
    'auth: http://auth.localhost\nsites: [{ id: shop, origin: "http://shop.localhost" }]',
    'm',
  )
  const agent = await createAgent({
    site: 'shop',
    manifest,
    secrets: ['x'.repeat(32)],
    store,
  })
  t.teardown(() => agent.close())
  const ask = async () => {
    const request = { method: 'GET', target: '/api/healthz', headers: {}, peer: '127.0.0.1' }
    const { answer } = await agent.handle(request)
    return { status: answer?.status, ...JSON.parse(String(answer?.body)) }
  }
  const said = await ask()
  t.like(said, { status: 200, code: 0, data: { site: 'shop', store: 'ok' } })
  t.regex(said.data.version, /^\d+\.\d+\.\d+/)
  store.ping = () => Promise.reject(new CarnetError('store_unavailable', 'Away.'))
  t.like(await ask(), { status: 503, code: 503, data: { site: 'shop', store: 'unavailable' } })
})

for (const kind of ['embedded', 'redis'] as const) {
  test(`an app hears of sign-ins here, and of sign-outs anywhere (${kind})`, async t => {
    const redis = kind === 'redis' ? await startRedis() : null
    const world = await startWorld(redis === null ? {} : { store: redis.url })
    t.teardown(async () => {
      await world.close()
      await redis?.stop()
    })
    const begun: { id: string; via: string }[] = []
    const ended: string[] = []
    const { shop } = world.agents
    shop?.on('signin', ({ session, via }) => begun.push({ id: session.id, via }))
    shop?.on('signout', ({ id }) => {
      ended.push(id)
      throw new Error('what the app does is its own')
    })
    const browser = await signedIn(world)
    for (const site of [world.shop, world.news]) await browser.visit(`${site}/members`)
    t.deepEqual(
      begun.map(({ via }) => via),
      ['pull'],
    )
    const [{ id = '' } = {}] = begun
    const { users, sessions } = world.service
    const user = await users.find({ email: 'ada@example.com' })
    await users.change(user?.user.id ?? '', { roles: ['member', 'editor'] })
    await sessions.follow()
    t.deepEqual(ended, [], 'a change is no end')
    const out = await browser.request(`${world.news}/api/signout`, {
      method: 'POST',
      headers: { origin: world.news, accept: 'application/json' },
    })
    t.is(out.status, 200)
    await until(() => ended.includes(id))
  })
}
