import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import { signIn } from '@carnet/demo/check'
import { CarnetError, MemoryStore, type NewTicket, type SessionRecord } from '@carnet/protocol'
import test from 'ava'
import { until } from '../support/until.ts'
import { postJson, rawRequest, signedIn, startWorld, viaOf, whoAt } from '../support/world.ts'

const world = await startWorld()
const { auth, shop } = world
test.after.always(() => world.close())

const good = { email: ADA.email, password: ADA.password }

test('JSON signs in with the one envelope', async t => {
  const browser = new Browser()
  const reply = await postJson(browser, `${auth}/signin`, { ...good, remember: true })
  t.is(reply.status, 200)
  const { code, message, data } = JSON.parse(reply.body) as {
    code: number
    message: string
    data: Record<string, unknown>
  }
  t.is(code, 0)
  t.is(message, 'signin success')
  t.deepEqual(Object.keys(data).sort(), ['fanOut', 'returnTo', 'ticket', 'user'])
  t.is(data['ticket'], null)
  t.is(data['returnTo'], `${auth}/`)
  t.regex(reply.cookies.join('\n'), /^carnet=[\w-]{32}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/m)
})

test('JSON refuses with the envelope of a refusal, alike for who is unknown and what is wrong', async t => {
  const bodies = []
  for (const body of [
    { ...good, password: 'wrong' },
    { ...good, email: 'nobody@example.com' },
    { ...good, email: 'no address' },
  ]) {
    const reply = await postJson(new Browser(), `${auth}/signin`, body)
    t.is(reply.status, 401)
    t.is(reply.headers['carnet-error'], 'invalid_credentials')
    t.false(reply.cookies.some(cookie => cookie.startsWith('carnet=')))
    bodies.push(reply.body)
  }
  t.is(new Set(bodies).size, 1)
  t.deepEqual(JSON.parse(bodies[0] ?? ''), {
    code: 401,
    error: 'invalid_credentials',
    message: 'The e-mail address or the password is wrong.',
  })
})

test('an address is known by any of its spellings', async t => {
  for (const email of ['ADA@Example.com', ' ada@example.com ', 'ada＠example.com']) {
    t.is((await postJson(new Browser(), `${auth}/signin`, { ...good, email })).status, 200)
  }
})

test('faulty JSON is a 400 that names the fields, and never a 500', async t => {
  const status = async (body: unknown, headers = {}) => {
    const reply = await postJson(new Browser(), `${auth}/signin`, body, headers)
    return [
      reply.status,
      (JSON.parse(reply.body) as { error: string; fields?: object }).error,
      JSON.parse(reply.body).fields,
    ]
  }
  t.deepEqual(await status({}), [
    400,
    'invalid_input',
    { email: 'Give your e-mail address.', password: 'Give your password.' },
  ])
  t.deepEqual(await status({ ...good, password: '' }), [
    400,
    'invalid_input',
    { password: 'Give your password.' },
  ])
  const faulty: unknown[] = [
    { ...good, role: 'admin' },
    { ...good, emailVerified: true },
    '{"email":"ada@example.com","password":"x","__proto__":{"role":"admin"}}',
    { ...good, email: ['a', 'b'] },
    { ...good, password: { $ne: '' } },
    '[]',
    'null',
    '"x"',
    '{',
    { ...good, password: 'x'.repeat(2_000) },
    { ...good, password: 'x'.repeat(1_000_000) },
  ]
  for (const body of faulty) t.is((await status(body))[0], 400, JSON.stringify(body).slice(0, 60))
  t.is((await status({ ...good, site: 'nobody' }))[1], 'unknown_site')
  t.is((await status({ ...good, password: `${good.password}\0` }))[1], 'invalid_credentials')
})

test('the form signs in, shows the fan-out page, and goes on', async t => {
  const browser = new Browser()
  const reply = await signIn(browser, auth, ADA.password, '?site=shop&return_to=%2Fmembers')
  t.is(reply.status, 200)
  t.is(reply.headers['referrer-policy'], 'no-referrer')
  t.regex(reply.body, /id="next" href="[^"]+\/api\/signin\?return_to=%2Fmembers"/)
  t.regex(reply.body, /<noscript><meta http-equiv="refresh"/)
  t.false(reply.body.includes(`src="${shop}`), 'the site that is next needs no pixel')
  const policy = String(reply.headers['content-security-policy'])
  t.true(policy.includes(world.news))
  t.false(policy.includes('unsafe'))
})

test('a failed form comes back with what was typed and why, once, and never the password', async t => {
  const browser = new Browser()
  const reply = await signIn(browser, auth, 'not my password', '?site=shop')
  t.is(reply.status, 303)
  t.is(reply.headers.location, '/signin?site=shop')
  const page = await browser.request(`${auth}/signin?site=shop`)
  t.regex(page.body, /role="alert"[^>]*>The e-mail address or the password is wrong/)
  t.regex(page.body, /value="ada@example.com"/)
  t.false(page.body.includes('not my password'))
  t.false((await browser.request(`${auth}/signin?site=shop`)).body.includes('role="alert"'))
  await signIn(browser, auth, '')
  const missing = await browser.request(`${auth}/signin`)
  t.regex(missing.body, /id="password"[^>]*aria-invalid="true" aria-describedby="password-error"/)
})

test('a form with a field that is none of ours is a 400', async t => {
  const reply = await new Browser().submit(`${auth}/signin`, '/signin', { ...good, role: 'admin' })
  t.is(reply.status, 400)
  t.is(reply.headers['carnet-error'], 'invalid_input')
})

test('what is refused before its body was read ends the connection', async t => {
  const reply = await postJson(new Browser(), `${auth}/signin`, { email: 'x'.repeat(200_000) })
  t.is(reply.status, 400)
  t.is(reply.headers.connection, 'close')
})

test('a body that cannot be unpacked, and a target that is no address, are 400', async t => {
  const packed = await postJson(new Browser(), `${auth}/signin`, good, { 'content-encoding': 'gzip' })
  t.is(packed.status, 400)
  for (const origin of [auth, shop]) {
    for (const target of ['http://[', 'http://shop:x/'])
      t.regex(await rawRequest(origin, `GET ${target} HTTP/1.1`), /^HTTP\/1\.1 400 /, target)
  }
})

test.serial('a connection that is cut leaves nothing on standard error', async t => {
  const { write } = process.stderr
  let printed = ''
  process.stderr.write = ((chunk: string) => {
    printed += chunk
    return true
  }) as typeof write
  try {
    await rawRequest(
      auth,
      'POST /signin HTTP/1.1\r\nContent-Length: 10\r\nContent-Type: application/json',
      'cut',
    )
    await rawRequest(shop, 'GET / HTTP/1.1\r\nContent-Length: 10', 'cut')
    t.is((await new Browser().request(`${auth}/healthz`)).status, 200)
  } finally {
    process.stderr.write = write
  }
  t.is(printed, '')
})

test('a sign-in that fails half way leaves the old session as it is, and no new one', async t => {
  class Failing extends MemoryStore {
    failing = false
    started: string[] = []
    override async start(sid: string, session: SessionRecord, until: number): Promise<boolean> {
      this.started.push(sid)
      return super.start(sid, session, until)
    }
    override async issue(tickets: readonly NewTicket[]): Promise<void> {
      if (this.failing) throw new CarnetError('store_unavailable', 'away')
      await super.issue(tickets)
    }
  }
  const store = new Failing()
  const other = await startWorld({ store })
  t.teardown(() => other.close())
  const browser = await signedIn(other)
  await browser.visit(`${other.shop}/members`)
  store.failing = true
  const reply = await postJson(browser, `${other.auth}/signin`, good)
  t.is(reply.status, 503)
  t.deepEqual(reply.cookies, [])
  t.is(await whoAt(browser, other.shop), ADA.email)
  t.is(await store.read(store.started.at(-1) ?? ''), null)
})

test('what a form sends is shown as text, never as markup', async t => {
  const browser = new Browser()
  await browser.submit(`${auth}/signin`, '/signin', { email: '"><script>x</script>@a', password: 'x' })
  const page = await browser.request(`${auth}/signin`)
  t.false(page.body.includes('<script>x'))
  t.true(page.body.includes('&quot;&gt;&lt;script&gt;x'))
})

test('a form is taken from our own pages only: by Fetch Metadata, else by Origin, else by its token', async t => {
  const browser = new Browser()
  const page = await browser.request(`${auth}/signin`)
  const form_token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const post = async (headers: Record<string, string>, fields: Record<string, string> = {}) =>
    (
      await browser.request(`${auth}/signin`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams({ ...good, ...fields }).toString(),
      })
    ).status
  for (const headers of [
    {},
    { origin: 'null' },
    { origin: shop },
    { origin: 'http://evil.localhost' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: auth },
  ] as Record<string, string>[]) {
    t.is(await post(headers), 403, JSON.stringify(headers))
  }
  t.is(await post({ origin: shop }, { form_token }), 403, 'a token does not excuse a foreign origin')
  t.is(await post({}, { form_token: `${form_token}x` }), 403)
  t.is(await post({ 'sec-fetch-site': 'same-origin' }), 200)
  t.is(await post({ origin: auth }), 200)
  t.is(await post({}, { form_token }), 200)
  t.is(await post({ 'content-type': 'text/plain' }), 403)
  const foreign = await postJson(browser, `${auth}/signin`, good, { origin: 'http://evil.localhost' })
  t.is(foreign.status, 403)
})

test('who is signed in goes on at once, and elsewhere sees who it is', async t => {
  const browser = await signedIn(world)
  t.is((await browser.request(`${auth}/signin`)).headers.location, `${auth}/`)
  t.regex((await browser.request(`${auth}/`)).body, /Hello, Ada/)
  t.regex((await new Browser().request(`${auth}/`)).body, /You are signed out/)
})

test('a fresh sign-in is asked for where the password is older than max_age', async t => {
  const browser = await signedIn(world)
  const state = 's'.repeat(43)
  const ask = async (maxAge: string) =>
    (await browser.request(`${auth}/authorize?site=shop&state=${state}&max_age=${maxAge}`)).headers
      .location ?? ''
  t.true((await ask('600')).startsWith(`${shop}/api/auth?ticket=`))
  t.true((await ask('0')).startsWith(`${shop}/api/auth?ticket=`), 'a password of this very moment is fresh')
  t.is((await browser.request(`${auth}/authorize?site=shop&state=${state}&max_age=x`)).status, 400)
  const startedAt = performance.now()
  await until(() => performance.now() > startedAt + 10_200, 12_000)
  const location = await ask('0')
  t.true(location.startsWith(`${auth}/signin?`))
  const page = await browser.request(location)
  t.is(page.status, 200)
  t.regex(page.body, /Confirm that it is you/)
  t.regex(page.body, /value="ada@example.com"/)
  const none = await browser.request(`${auth}/authorize?site=shop&state=${state}&max_age=0&prompt=none`)
  t.is(new URL(none.headers.location ?? '').searchParams.get('error'), 'signed_out')
})

test('/authorize refuses what it cannot place', async t => {
  const browser = await signedIn(world)
  const state = 's'.repeat(43)
  const refusals: [string, string][] = [
    ['', 'unknown_site'],
    ['site=nobody&state=x', 'unknown_site'],
    ['site=shop', 'invalid_input'],
    ['site=shop&state=', 'invalid_input'],
    ['site=shop&state=a%20b', 'invalid_input'],
    [`site=shop&state=${'%00'.repeat(20)}`, 'invalid_input'],
    [`site=shop&state=${state}&state=${state}`, 'invalid_input'],
    [`site=shop&state=${state}&mode=other`, 'invalid_input'],
    [`site=news&state=${state}&mode=pixel`, 'invalid_input'],
    [`site=shop&state=${state}&origin=http://evil.localhost`, 'invalid_input'],
  ]
  for (const [query, code] of refusals) {
    const reply = await browser.request(`${auth}/authorize?${query}`)
    t.is(reply.headers['carnet-error'], code, query)
    t.is(reply.status, 400, query)
    t.is(reply.headers.location, undefined)
  }
})

test('signing out keeps a way on that stays at home, and drops any other', async t => {
  const leave = async (query: string) =>
    (await (await signedIn(world)).submit(`${auth}/signout`, `/signout?${query}`, {})).headers.location
  t.is(await leave('site=shop&return_to=%2Fcart'), `${auth}/signin?site=shop&return_to=%2Fcart`)
  t.is(await leave('site=shop&return_to=%2F%2Fevil.com'), `${auth}/signin?site=shop`)
})

test('thirty people signing in at once are all let in', async t => {
  const all = await Promise.all(
    Array.from({ length: 30 }, () => postJson(new Browser(), `${auth}/signin`, good)),
  )
  t.true(all.every(({ status }) => status === 200))
})

test('signing out by JSON, and when nobody is signed in', async t => {
  const browser = await signedIn(world)
  const reply = await postJson(browser, `${auth}/signout`, {})
  const data = { returnTo: `${auth}/signin` }
  t.deepEqual(JSON.parse(reply.body), { code: 0, message: 'signout success', data })
  t.is((await postJson(browser, `${auth}/signout`, {})).status, 200)
  t.is((await browser.request(`${auth}/signout`)).headers.location, `${auth}/signin`)
  t.is(viaOf(await browser.visit(`${shop}/`)), 'none')
})

test('every answer bears the headers of a page that takes passwords, error pages too', async t => {
  for (const path of ['/', '/signin', '/signout', '/nothing-here', '/authorize', '/signin?site=a&site=b']) {
    const { headers } = await new Browser().request(auth + path)
    t.is(headers['cache-control'], 'no-store', path)
    t.is(headers['x-content-type-options'], 'nosniff', path)
    t.is(headers['x-frame-options'], 'DENY', path)
    const policy = String(headers['content-security-policy'])
    t.regex(policy, /default-src 'none'/, path)
    t.regex(policy, /frame-ancestors 'none'/, path)
    t.false(policy.includes('unsafe-inline'), path)
    t.is(headers['access-control-allow-origin'], undefined)
  }
})

test('unknown pages are told to people as a page and to programs as JSON', async t => {
  const page = await new Browser().request(`${auth}/nothing-here`, { headers: { accept: 'text/html' } })
  t.is(page.status, 404)
  t.regex(page.body, /<h1>/)
  const json = await new Browser().request(`${auth}/nothing-here`, {
    headers: { accept: 'application/json' },
  })
  t.deepEqual(JSON.parse(json.body), { code: 404, error: 'not_found', message: 'There is no such page.' })
})

test('a preflight gets no leave', async t => {
  const headers = { origin: 'http://evil.localhost', 'access-control-request-method': 'POST' }
  const reply = await new Browser().request(`${auth}/signin`, { method: 'OPTIONS', headers })
  t.is(reply.headers['access-control-allow-origin'], undefined)
  t.true(reply.status >= 400)
})

test('health and readiness answer in the envelope', async t => {
  const body = async (path: string) => JSON.parse((await new Browser().request(auth + path)).body) as unknown
  t.deepEqual(await body('/healthz'), { code: 0, message: 'alive', data: {} })
  t.deepEqual(await body('/readyz'), { code: 0, message: 'ready', data: { store: 'ok', database: 'ok' } })
})
