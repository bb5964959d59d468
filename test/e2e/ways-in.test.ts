import { Browser } from '@carnet/demo/browser'
import { openStore } from '@carnet/protocol'
import test from 'ava'
import { startRedis } from '../support/redis.ts'
import { signedIn, signInHere, signInJson, startWorld, viaOf, type World, whoAt } from '../support/world.ts'

const redis = await startRedis()
const worlds: Record<string, World> = {
  embedded: await startWorld(),
  redis: await startWorld({ store: await openStore(redis.url) }),
}
test.after.always(async () => {
  for (const world of Object.values(worlds)) await world.close()
  await redis.stop()
})

for (const [store, world] of Object.entries(worlds)) {
  const { auth, shop, news, games } = world

  test(`${store}: a signed-out browser bounces from a members' page to the sign-in, and back to that page`, async t => {
    const browser = new Browser()
    const away = await browser.follow(`${shop}/members?from=mail`)
    t.deepEqual(
      away.map(({ url, status }) => [new URL(url).origin + new URL(url).pathname, status]),
      [
        [`${shop}/members`, 303],
        [`${auth}/authorize`, 303],
        [`${auth}/signin`, 200],
      ],
    )
    const signInUrl = new URL(away.at(-1)?.url ?? '')
    const page = await browser.request(signInUrl.href)
    const token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const done = await browser.submit(signInUrl.href, `/signin${signInUrl.search}`, {
      form_token: token,
      email: 'ada@example.com',
      password: 'correct horse battery staple',
    })
    t.is(done.status, 200)
    const next = /id="next" href="([^"]+)"/.exec(done.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const back = await browser.follow(next)
    t.is(back.at(-1)?.url, `${shop}/members?from=mail`)
    t.is(viaOf(back.at(-1) as (typeof back)[number]), 'bounce')
  })

  test(`${store}: who is signed in bounces to every site without another password`, async t => {
    const browser = new Browser({ thirdPartyCookies: false })
    await signInHere(world, browser)
    for (const site of [shop, news, games]) {
      t.is(viaOf(await browser.visit(`${site}/members`)), 'bounce')
      t.is(await whoAt(browser, site), 'ada@example.com')
    }
  })

  test(`${store}: the fan-out leaves claims by pull and push, swapped on the first visit without asking the service`, async t => {
    const browser = await signedIn(world)
    for (const [site, via] of [
      [shop, 'pull'],
      [news, 'push'],
      [games, 'pull'],
    ] as const) {
      t.not(browser.cookie(site, '__Host-carnet-claim'), null)
      const visit = await browser.follow(`${site}/members`)
      t.deepEqual(
        visit.map(({ url, status }) => [url, status]),
        [
          [`${site}/members`, 303],
          [`${site}/members`, 200],
        ],
      )
      t.is(viaOf(visit[1] as (typeof visit)[number]), via)
      t.is(browser.cookie(site, '__Host-carnet-claim'), null, 'the claim is gone')
      t.not(browser.cookie(site, 'carnet'), null)
    }
  })

  test(`${store}: signing out at any site signs out at all others and at the service at once`, async t => {
    for (const here of [shop, news, games]) {
      const browser = await signedIn(world)
      const other = await signedIn(world)
      for (const site of [shop, news, games]) await browser.visit(`${site}/members`)
      const reply = await browser.submit(`${here}/`, '/api/signout', {})
      t.is(reply.status, 303)
      t.is(browser.cookie(here, 'carnet'), null)
      for (const site of [shop, news, games]) t.is(await whoAt(browser, site), 'signed_out')
      t.is((await browser.follow(`${shop}/members`)).at(-1)?.url.startsWith(`${auth}/signin`), true)
      t.is(viaOf(await other.visit(`${shop}/members`)), 'pull', 'another browser of the same user stays')
    }
  })

  test(`${store}: signing out at the service signs out at every site at once`, async t => {
    const browser = await signedIn(world)
    for (const site of [shop, news, games]) await browser.visit(`${site}/members`)
    const page = await browser.request(`${auth}/signout`)
    t.regex(page.body, /Sign out everywhere/)
    t.is(await whoAt(browser, shop), 'ada@example.com', 'asking alone signs nobody out')
    const reply = await browser.submit(`${auth}/signout`, '/signout', {})
    t.is(reply.status, 303)
    t.is(new URL(reply.headers.location ?? '').pathname, '/signin')
    for (const site of [shop, news, games]) t.is(await whoAt(browser, site), 'signed_out')
  })

  test(`${store}: a claim that was not swapped yet is worth nothing after a sign-out`, async t => {
    const browser = await signedIn(world)
    await browser.visit(`${shop}/members`)
    await browser.submit(`${shop}/`, '/api/signout', {})
    t.not(browser.cookie(games, '__Host-carnet-claim'), null)
    t.is(viaOf(await browser.visit(`${games}/`)), 'none')
    t.is(browser.cookie(games, '__Host-carnet-claim'), null)
    t.is(browser.cookie(games, 'carnet'), null)
  })

  test(`${store}: a new sign-in has a new session, and ends the one that the browser had`, async t => {
    const browser = await signedIn(world)
    const before = browser.cookie(auth, 'carnet')
    await browser.visit(`${shop}/members`)
    await signInJson(world, browser)
    t.not(browser.cookie(auth, 'carnet'), before)
    t.is(await whoAt(browser, shop), 'signed_out')
    t.is(viaOf(await browser.visit(`${shop}/members`)), 'bounce')
  })

  test(`${store}: several bounces at once do not disturb each other`, async t => {
    const browser = new Browser()
    await signInJson(world, browser)
    const tabs = ['/members?tab=1', '/members?tab=2', '/members?tab=3']
    const begun = []
    for (const tab of tabs) begun.push(await browser.request(shop + tab))
    const passed = []
    for (const { headers } of begun) passed.push(await browser.request(headers.location ?? ''))
    for (const [index, { headers }] of [...passed.entries()].reverse()) {
      const back = await browser.request(headers.location ?? '')
      t.is(back.headers.location, shop + (tabs[index] ?? ''))
    }
  })

  test(`${store}: the site tells its own scripts who is signed in, and never the sid`, async t => {
    const browser = await signedIn(world)
    const reply = await browser.request(`${shop}/api/session`, {
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    const body = JSON.parse(reply.body) as { code: number; data: { user: object; session: object } }
    t.is(body.code, 0)
    t.deepEqual(Object.keys(body.data.user).sort(), ['email', 'emailVerified', 'id', 'name', 'roles'])
    t.deepEqual(Object.keys(body.data.session).sort(), ['authenticatedAt', 'expiresAt', 'startedAt'])
    const sid = browser.cookie(shop, 'carnet')?.split('.')[0] ?? '?'
    t.false(reply.body.includes(sid))
    t.is(browser.cookie(shop, '__Host-carnet-claim'), null, 'the claim was swapped here as well')
  })
}
