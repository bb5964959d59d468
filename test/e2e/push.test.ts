import { Browser, type Reply } from '@carnet/demo/browser'
import test from 'ava'
import { until } from '../support/until.ts'
import { signInJson, startWorld, viaOf, whoAt } from '../support/world.ts'

const world = await startWorld()
const { shop, news, games } = world
test.after.always(() => world.close())

const page = `${world.auth}/signin`

async function pushed(browser: Browser): Promise<string> {
  const { ticket } = await signInJson(world, browser, { site: 'news' })
  return ticket ?? ''
}

function refused(
  t: { is(a: unknown, b: unknown): boolean; deepEqual(a: unknown, b: unknown): boolean },
  reply: Reply,
  code: string,
): void {
  t.is(reply.headers['carnet-error'], code)
  t.deepEqual(reply.cookies, [])
  t.is(reply.body, '')
  t.is(reply.headers['cache-control'], 'no-store')
}

test('the ticket of the sign-in, shown at its pixel, gives a GIF and a claim, swapped on the next navigation', async t => {
  const browser = new Browser()
  const ticket = await pushed(browser)
  const reply = await browser.image(`${news}/api/auth.gif?ticket=${ticket}`, page)
  t.is(reply.status, 200)
  t.is(reply.headers['content-type'], 'image/gif')
  t.is(reply.headers['cache-control'], 'no-store')
  t.true(reply.body.startsWith('GIF89a'))
  t.is(reply.cookies.length, 1)
  t.regex(
    reply.cookies[0] ?? '',
    /^__Host-carnet-claim=[^;]+; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=None$/,
  )
  t.is(viaOf(await browser.visit(`${news}/members`)), 'push')
  t.is(await whoAt(browser, news), 'ada@example.com')
})

test('a pushed ticket shown again is refused', async t => {
  const browser = new Browser()
  const url = `${news}/api/auth.gif?ticket=${await pushed(browser)}`
  t.is((await browser.image(url, page)).status, 200)
  refused(t, await browser.image(url, page), 'ticket_unknown')
})

test('a pushed ticket from another address is refused and spent', async t => {
  const browser = new Browser()
  const url = `${news}/api/auth.gif?ticket=${await pushed(browser)}`
  refused(t, await new Browser({ from: '127.0.0.2' }).image(url, page), 'ticket_wrong_client')
  refused(t, await browser.image(url, page), 'ticket_unknown')
})

test('a pushed ticket from another browser at the same address is refused', async t => {
  const url = `${news}/api/auth.gif?ticket=${await pushed(new Browser())}`
  refused(t, await new Browser({ userAgent: 'another' }).image(url, page), 'ticket_wrong_client')
})

test('a pushed ticket behind an unknown proxy is refused, and none is issued there', async t => {
  const browser = new Browser()
  const url = `${news}/api/auth.gif?ticket=${await pushed(browser)}`
  const reply = await browser.request(url, { page, headers: { 'x-forwarded-for': '127.0.0.1' } })
  refused(t, reply, 'ticket_wrong_client')
  const signedIn = await browser.request(`${world.auth}/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' },
    body: JSON.stringify({
      email: 'ada@example.com',
      password: 'correct horse battery staple',
      site: 'news',
    }),
  })
  t.is((JSON.parse(signedIn.body) as { data: { ticket: unknown } }).data.ticket, null)
})

test('a pushed ticket at another site is refused, whatever site it says', async t => {
  const browser = new Browser()
  const ticket = await pushed(browser)
  refused(t, await browser.image(`${shop}/api/auth.gif?ticket=${ticket}`, page), 'ticket_wrong_site')
  refused(t, await browser.image(`${news}/api/auth.gif?ticket=${ticket}`, page), 'ticket_unknown')
  const renamed = (await pushed(browser)).replace(/^news/, 'shop')
  refused(t, await browser.image(`${shop}/api/auth.gif?ticket=${renamed}`, page), 'ticket_unknown')
})

test('a pushed ticket as a navigation is refused and spent', async t => {
  const browser = new Browser()
  const url = `${news}/api/auth.gif?ticket=${await pushed(browser)}`
  const headers = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }
  refused(t, await browser.request(url, { headers }), 'ticket_wrong_client')
  refused(t, await browser.image(url, page), 'ticket_unknown')
  for (const [name, value] of Object.entries(headers)) {
    const another = `${news}/api/auth.gif?ticket=${await pushed(browser)}`
    refused(t, await browser.request(another, { headers: { [name]: value } }), 'ticket_wrong_client')
  }
})

test('a pushed ticket does not pass the bounce', async t => {
  const browser = new Browser()
  const ticket = await pushed(browser)
  const state = 's'.repeat(43)
  const reply = await browser.request(`${news}/api/auth?ticket=${ticket}&state=${state}`)
  t.is(reply.status, 303)
  t.false(reply.cookies.some(cookie => cookie.startsWith('carnet=')))
  t.true(reply.headers.location?.startsWith(`${world.auth}/authorize`))
  refused(t, await browser.image(`${news}/api/auth.gif?ticket=${ticket}`, page), 'ticket_unknown')
})

test('a pushed ticket is dead after 3.2 s', async t => {
  const browser = new Browser()
  const ticket = await pushed(browser)
  const issuedAt = performance.now()
  await until(() => performance.now() >= issuedAt + 3_200)
  refused(t, await browser.image(`${news}/api/auth.gif?ticket=${ticket}`, page), 'ticket_unknown')
})

test('no ticket is spent by HEAD, by a speculative load or by a repeated parameter', async t => {
  const browser = new Browser()
  const url = `${news}/api/auth.gif?ticket=${await pushed(browser)}`
  t.is((await browser.request(url, { method: 'HEAD', page })).status, 405)
  refused(
    t,
    await browser.request(url, { page, headers: { 'sec-purpose': 'prefetch;prerender' } }),
    'forbidden',
  )
  refused(t, await browser.request(`${url}&ticket=x`, { page }), 'invalid_input')
  t.is((await browser.image(url, page)).status, 200)
})

test('where the browser says that no cookie would stay, the pixel ends at once', async t => {
  const browser = new Browser()
  const headers = { 'sec-fetch-storage-access': 'none' }
  const ticket = await pushed(browser)
  refused(
    t,
    await browser.request(`${news}/api/auth.gif?ticket=${ticket}`, { page, headers }),
    'pixel_blocked',
  )
  refused(t, await browser.request(`${shop}/api/auth.gif`, { page, headers }), 'pixel_blocked')
})

test('a pushed claim never replaces another user’s live session', async t => {
  const eve = { email: 'eve@example.com', password: 'a password that only Eve knows', name: 'Eve' }
  await world.service.users.add(eve)
  const browser = new Browser()
  await signInJson(world, browser)
  await browser.visit(`${news}/members`)
  t.is(await whoAt(browser, news), 'ada@example.com')

  // A foreign page on the same network and the same browser build, at its most able.
  const { ticket } = await signInJson(world, new Browser(), { ...eve, name: undefined, site: 'news' })
  const reply = await browser.image(`${news}/api/auth.gif?ticket=${ticket}`, page)
  t.is(reply.status, 200, 'a cross-site image bears no Lax cookie, so the pixel cannot know')
  await browser.visit(`${news}/`)
  t.is(await whoAt(browser, news), 'ada@example.com')
  t.is(browser.cookie(news, '__Host-carnet-claim'), null)

  const again = await signInJson(world, new Browser(), { ...eve, name: undefined, site: 'news' })
  refused(t, await browser.request(`${news}/api/auth.gif?ticket=${again.ticket}`), 'other_user')
})

test('only push sites take pushed tickets, and only pull sites begin a pull', async t => {
  const browser = new Browser()
  refused(t, await browser.request(`${news}/api/auth.gif`, { page }), 'ticket_missing')
  t.is((await browser.request(`${shop}/api/auth.gif`, { page })).status, 302)
  refused(t, await browser.request(`${shop}/api/auth.gif?ticket=`, { page }), 'ticket_missing')
  const { ticket, fanOut } = await signInJson(world, browser, { site: 'shop' })
  t.is(ticket, null)
  t.deepEqual(
    fanOut.map(({ site, url }) => [site, url.split('=')[0]]),
    [
      ['news', `${news}/api/auth.gif?ticket`],
      ['games', `${games}/api/auth.gif`],
    ],
  )
})
