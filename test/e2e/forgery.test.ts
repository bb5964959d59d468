import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { signedIn, signInJson, startWorld, viaOf, whoAt } from '../support/world.ts'

const world = await startWorld()
const { auth, shop, news, games } = world
test.after.always(() => world.close())

const page = `${auth}/signin`

/** The address by which a signed-in browser would come back to a site, not yet visited. */
async function wayBack(browser: Browser, site: string): Promise<string> {
  const begun = await browser.request(`${site}/api/signin?return_to=/members`)
  const passed = await browser.request(begun.headers.location ?? '')
  return passed.headers.location ?? ''
}

test('a session cookie of one site is refused at every other, and at the service', async t => {
  const browser = await signedIn(world)
  await browser.visit(`${shop}/members`)
  const stolen = browser.cookie(shop, 'carnet') ?? ''
  for (const elsewhere of [news, games, auth]) {
    const thief = new Browser()
    thief.plant(elsewhere, 'carnet', stolen)
    if (elsewhere !== auth) t.is(await whoAt(thief, elsewhere), 'signed_out')
    else t.is((await thief.visit(`${auth}/signin`)).status, 200)
  }
  const same = new Browser()
  same.plant(shop, 'carnet', stolen)
  t.is(await whoAt(same, shop), 'ada@example.com', 'the cookie itself was good')
})

test('a claim is no session cookie, and a session cookie no claim', async t => {
  const browser = await signedIn(world)
  const claim = browser.cookie(shop, '__Host-carnet-claim') ?? ''
  const thief = new Browser()
  thief.plant(shop, 'carnet', claim)
  t.is(await whoAt(thief, shop), 'signed_out')
  await browser.visit(`${shop}/`)
  const other = new Browser()
  other.plant(shop, '__Host-carnet-claim', browser.cookie(shop, 'carnet') ?? '')
  t.is(viaOf(await other.visit(`${shop}/`)), 'none')
})

test('two session cookies in one request are refused', async t => {
  const browser = await signedIn(world)
  await browser.visit(`${shop}/members`)
  const good = browser.cookie(shop, 'carnet') ?? ''
  for (const cookie of [
    `carnet=${good}; carnet=x`,
    `carnet=x; carnet=${good}`,
    `carnet=${good}; carnet=${good}`,
  ]) {
    const reply = await new Browser().request(`${shop}/api/session`, { headers: { cookie } })
    t.is(reply.status, 401)
  }
})

test('a tampered session cookie is signed out, never an error', async t => {
  const browser = await signedIn(world)
  await browser.visit(`${shop}/members`)
  const good = browser.cookie(shop, 'carnet') ?? ''
  const [sid = '', signature = ''] = good.split('.')
  const forged = [
    sid,
    `${sid}.`,
    `.${signature}`,
    `${sid}.${'A'.repeat(43)}`,
    `${'a'.repeat(32)}.${signature}`,
    `${good}x`,
    '%00',
    'x'.repeat(9_000),
  ]
  for (const value of forged) {
    const reply = await new Browser().request(`${shop}/api/session`, {
      headers: { cookie: `carnet=${value}` },
    })
    t.is(reply.status, 401, value.slice(0, 60))
  }
})

test('an id that a client sends is never adopted', async t => {
  const browser = new Browser()
  const mine = 'a'.repeat(32)
  browser.plant(auth, 'carnet', `${mine}.${'b'.repeat(43)}`)
  await signInJson(world, browser)
  t.false(browser.cookie(auth, 'carnet')?.startsWith(mine))
})

test('another browser’s way back signs nobody in: a fresh bounce, then a page, and the ticket is spent', async t => {
  const attacker = new Browser()
  await signInJson(world, attacker)
  const url = await wayBack(attacker, shop)
  const victim = new Browser()
  const reply = await victim.request(url)
  t.is(reply.status, 303)
  t.true(reply.headers.location?.startsWith(`${auth}/authorize?site=shop&state=`))
  t.is(victim.cookie(shop, 'carnet'), null)
  t.is(await whoAt(victim, shop), 'signed_out')
  // Spent: not even the browser that it was for gets in by it.
  await attacker.request(url)
  t.is(attacker.cookie(shop, 'carnet'), null)
})

test('another browser’s way back leaves a live session as it is', async t => {
  await world.service.users.add({
    email: 'mallory@example.com',
    password: 'a password that only Mallory knows',
    name: 'Mallory',
  })
  const victim = await signedIn(world)
  await victim.visit(`${shop}/members`)
  const attacker = new Browser()
  await signInJson(world, attacker, {
    email: 'mallory@example.com',
    password: 'a password that only Mallory knows',
  })
  const url = await wayBack(attacker, shop)
  const last = await victim.visit(url)
  t.is(viaOf(last), 'bounce')
  t.is(await whoAt(victim, shop), 'ada@example.com')
})

test('a pull’s way back in another browser leaves no claim', async t => {
  const attacker = new Browser()
  await signInJson(world, attacker)
  const begun = await attacker.request(`${shop}/api/auth.gif`, { page })
  const passed = await attacker.request(begun.headers.location ?? '', { page })
  const url = passed.headers.location ?? ''
  const reply = await new Browser().request(url, { page })
  t.is(reply.headers['carnet-error'], 'state_mismatch')
  t.deepEqual(reply.cookies, [])
  t.is((await attacker.request(url, { page })).headers['carnet-error'], 'ticket_unknown')
})

test('a foreign page cannot pull anybody in: the service’s cookie does not come along', async t => {
  const browser = new Browser()
  await signInJson(world, browser)
  const reply = await browser.image(`${shop}/api/auth.gif`, 'http://evil.localhost:1/')
  t.is(reply.status, 401)
  t.is(reply.headers['carnet-error'], 'signed_out')
  t.is(browser.cookie(shop, '__Host-carnet-claim'), null)
})

test('a claim authenticates no request: no form post of a foreign page, no script of another site', async t => {
  const browser = await signedIn(world)
  t.not(browser.cookie(shop, '__Host-carnet-claim'), null)
  const post = await browser.request(`${shop}/members`, { method: 'POST', page: 'http://evil.localhost:1/' })
  t.is(post.status, 303, 'a signed-out visitor is sent to sign in')
  t.true(post.headers.location?.startsWith(auth))
  const foreign = await browser.request(`${shop}/api/session`, {
    page: 'http://evil.localhost:1/',
    headers: { 'sec-fetch-site': 'cross-site' },
  })
  t.is(foreign.status, 401)
  t.not(browser.cookie(shop, '__Host-carnet-claim'), null)
})

test('signing out asks for a request from the site’s own pages', async t => {
  const browser = await signedIn(world)
  await browser.visit(`${shop}/members`)
  const foreign: Record<string, string>[] = [
    {},
    { origin: 'http://evil.localhost:1' },
    { origin: 'null' },
    { origin: news },
    { 'sec-fetch-site': 'cross-site', origin: shop },
    { 'sec-fetch-site': 'same-site' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json', origin: news },
  ]
  for (const headers of foreign) {
    const reply = await browser.request(`${shop}/api/signout`, { method: 'POST', headers })
    t.is(reply.status, 403)
    t.is(reply.headers['carnet-error'], 'csrf')
    t.deepEqual(reply.cookies, [])
  }
  t.is((await browser.request(`${shop}/api/signout`)).status, 405)
  t.is(await whoAt(browser, shop), 'ada@example.com')
  const own = { 'sec-fetch-site': 'same-origin', accept: 'application/json' }
  const reply = await browser.request(`${shop}/api/signout`, { method: 'POST', headers: own })
  t.deepEqual(JSON.parse(reply.body), { code: 0, message: 'signout success', data: {} })
  t.is(await whoAt(browser, shop), 'signed_out')
})

test('a client that keeps no cookies sees two bounces at most, then a page that says why', async t => {
  const keeper = new Browser()
  await signInJson(world, keeper)
  const service = keeper.cookie(auth, 'carnet') ?? ''
  // Signed in at the service, but the site's cookies do not stay.
  const loser = new Browser({ cookies: false })
  const replies = []
  for (let next: string | undefined = `${shop}/members`; next !== undefined && replies.length < 20; ) {
    const headers: Record<string, string> = next.startsWith(auth) ? { cookie: `carnet=${service}` } : {}
    const reply = await loser.request(next, { headers })
    replies.push(reply)
    next = reply.headers.location
  }
  const last = replies.at(-1)
  t.is(replies.filter(({ url }) => url.startsWith(`${auth}/authorize`)).length, 2)
  t.is(last?.status, 403)
  t.regex(last?.body ?? '', /blocks cookies/)
  t.is(
    (await loser.visit(`${shop}/members`)).url.startsWith(`${auth}/signin`),
    true,
    'signed out, the sign-in page ends it',
  )
})

test('a browser that loses its session again and again is stopped by a page', async t => {
  const browser = new Browser()
  await signInJson(world, browser)
  let reply = await browser.request(`${shop}/members`)
  let rounds = 0
  for (; reply.status === 303 && rounds < 20; rounds++) {
    await browser.follow(reply.headers.location ?? '')
    const bounces = browser.cookie(shop, 'carnet-bounces') ?? ''
    browser.forget(shop)
    browser.plant(shop, 'carnet-bounces', bounces)
    reply = await browser.request(`${shop}/members`)
  }
  t.true(rounds <= 5)
  t.regex(reply.body, /does not stay/)
})

test('a sign-out with a second cookie in its way ends the session all the same', async t => {
  const browser = await signedIn(world)
  await browser.visit(`${shop}/members`)
  for (const origin of [shop, auth]) {
    const good = browser.cookie(origin, 'carnet') ?? ''
    const path = origin === shop ? '/api/signout' : '/signout'
    const headers = { cookie: `carnet=x; carnet=${good}`, 'content-type': 'application/json' }
    t.is((await new Browser().request(origin + path, { method: 'POST', headers, body: '{}' })).status, 200)
    t.is(await whoAt(browser, shop), 'signed_out')
    await signInJson(world, browser)
  }
})

test('neither long addresses nor many pulls fill a browser’s header', async t => {
  const browser = new Browser()
  for (let count = 0; count < 12; count++) {
    await browser.request(`${shop}/api/signin?return_to=/${'x'.repeat(1_900)}`)
    await browser.request(`${games}/api/signin?return_to=/?q=${'x'.repeat(1_900)}`)
  }
  for (let round = 0; round < 8; round++) {
    await Promise.all(Array.from({ length: 20 }, () => browser.request(`${games}/api/auth.gif`, { page })))
  }
  t.is((await browser.request(`${shop}/`)).status, 200)
  t.is((await browser.request(`${games}/`)).status, 200)
})

test('five links opened at once all set out, and a page loaded on speculation counts for nothing', async t => {
  const browser = new Browser()
  for (let tab = 0; tab < 6; tab++) {
    const early = await browser.request(`${shop}/members`, { headers: { 'sec-purpose': 'prefetch' } })
    t.is(early.status, 401)
    t.is((await browser.request(`${shop}/members?tab=${tab}`)).status, 303)
  }
})

test('a members’ page with a long address is come back to, its query left out', async t => {
  const browser = new Browser()
  await signInJson(world, browser)
  const trail = await browser.follow(`${shop}/members?q=${'x'.repeat(3_000)}`)
  t.is(trail.at(-1)?.url, `${shop}/members`)
})

test('a claim is swapped at an address of any length, and at the sign-in link', async t => {
  const browser = await signedIn(world)
  const long = `${shop}/members?q=${'x'.repeat(3_000)}`
  const trail = await browser.follow(long)
  t.deepEqual(
    trail.map(({ url }) => url),
    [long, long],
  )
  const fetched = await browser.request(`${games}/api/signin`, { headers: { 'sec-fetch-mode': 'no-cors' } })
  t.false(
    fetched.cookies.some(cookie => cookie.startsWith('carnet=')),
    'an image is no navigation',
  )
  const link = await browser.follow(`${games}/api/signin?return_to=/members`)
  t.deepEqual(
    link.map(({ url }) => new URL(url).pathname),
    ['/api/signin', '/members'],
  )
  t.is(viaOf(link.at(-1) as (typeof link)[number]), 'pull')
})

test('the agent never lets a cache keep an answer, nor a Referer carry an address', async t => {
  const browser = await signedIn(world)
  for (const path of ['/api/auth.gif', '/api/auth?ticket=x&state=y', '/api/signin', '/api/session']) {
    const reply = await browser.request(shop + path)
    t.is(reply.headers['cache-control'], 'no-store', path)
    t.is(reply.headers['referrer-policy'], 'no-referrer', path)
    t.is(reply.headers['access-control-allow-origin'], undefined)
  }
})
