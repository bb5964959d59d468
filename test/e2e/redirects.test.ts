import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { signedIn, signInJson, startWorld } from '../support/world.ts'

const world = await startWorld()
const { auth, shop } = world
test.after.always(() => world.close())

const HOSTS = ['auth', 'shop', 'news', 'games'].map(name => `${name}.localhost`)

const shopHost = new URL(shop).host
const EVIL = [
  '//evil.com',
  '///evil.com',
  '/\\evil.com',
  '/\t/evil.com',
  '/\n/evil.com',
  '\\\\evil.com',
  'https:///evil.com',
  'https:evil.com',
  `http://${shopHost}@evil.com`,
  `http://${shopHost}.evil.com`,
  `http://${shopHost}%40evil.com`,
  `http://evil.com#${shopHost}`,
  `http://evil.com\\@${shopHost}`,
  `blob:${shop}/x`,
  'javascript:alert(1)',
  'data:text/html,x',
  '/..//evil.com',
  '/%2e%2e//evil.com',
  '/.//evil.com',
  'http://evil。com',
  '／／evil.com',
  '//evil．com',
  '/a\r\nSet-Cookie: x=y',
  `http://user:password@${shopHost}`,
  `https://${shopHost}/`,
  'http://shop.localhost/',
  'ftp://shop.localhost/',
  '\0//evil.com',
  '/'.repeat(5_000),
  'x'.repeat(5_000),
  '',
  ' ',
]

function isHome(location: string | undefined): boolean {
  if (location === undefined) return false
  const { hostname, username, pathname } = new URL(location, auth)
  return HOSTS.includes(hostname) && username === '' && !pathname.startsWith('//')
}

for (const value of EVIL) {
  const name = JSON.stringify(value.length > 40 ? `${value.slice(0, 20)}… (${value.length})` : value)

  test(`a return to ${name} stays at home, wherever it is asked for`, async t => {
    const browser = await signedIn(world)
    await browser.visit(`${shop}/members`)
    const query = new URLSearchParams({ return_to: value })
    const asked = [
      `${auth}/signin?${query}`,
      `${auth}/signin?site=shop&${query}`,
      `${shop}/api/signin?${query}`,
    ]
    for (const url of asked) {
      const replies = await browser.follow(url)
      for (const reply of replies) {
        t.true(reply.status < 500, `${url} ended with ${reply.status}`)
        if (reply.headers.location !== undefined)
          t.true(isHome(reply.headers.location), reply.headers.location)
        t.false(reply.cookies.some(cookie => cookie.startsWith('x=')))
      }
    }
    // And the long way: kept in the nonce, through the service, and back.
    const newcomer = new Browser()
    const { returnTo } = await signInJson(world, newcomer, { site: 'shop', return_to: value.slice(0, 4_000) })
    t.true(isHome(returnTo), returnTo)
    const trail = await newcomer.follow(`${shop}/api/signin?${query}`)
    t.true(trail.every(({ headers }) => headers.location === undefined || isHome(headers.location)))
    t.is(new URL(trail.at(-1)?.url ?? '').hostname, 'shop.localhost')
  })
}

test('an honest return is kept whole: at a site through its agent, at the service as it is', async t => {
  const browser = await signedIn(world)
  const at = async (query: Record<string, string>) =>
    (await browser.request(`${auth}/signin?${new URLSearchParams(query)}`)).headers.location
  const throughShop = `${shop}/api/signin?return_to=%2Fcart%3Fa%3D1%23top`
  t.is(await at({ site: 'shop', return_to: '/cart?a=1#top' }), throughShop)
  t.is(await at({ site: 'shop', return_to: `${shop}/cart?a=1#top` }), throughShop)
  t.is(await at({ return_to: `${shop}/cart?a=1#top` }), throughShop)
  t.is(await at({ return_to: '/account' }), `${auth}/account`)
  t.is(await at({ return_to: '/signin' }), `${auth}/`, 'the sign-in page does not send on to itself')
  t.is((await browser.request(`${auth}/signin?site=nobody`)).status, 400)
  const authorize = `/authorize?site=shop&state=${'s'.repeat(43)}`
  t.is(await at({ site: 'shop', return_to: authorize }), auth + authorize)
})
