import { ADA } from '@carnet/demo'
import { Browser, type Reply } from '@carnet/demo/browser'
import { sessionHandle } from '@carnet/protocol'
import test from 'ava'
import { GOOD_PASSWORD, jsonOf, mailsTo } from '../support/accounts.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, startWorld, viaOf, type World, whoAt } from '../support/world.ts'

const adjust = (yaml: string) => yaml.replace('id: shop,', 'id: shop, signInForm: true,')
const redis = await startRedis()
// In one the agents ask the auth service for everything, in the other for sign-ins only.
const worlds = {
  http: await startWorld({ adjust, overHttp: true }),
  redis: await startWorld({ adjust, store: redis.url }),
}
test.after.always(async () => {
  for (const world of Object.values(worlds)) await world.close()
  await redis.stop()
})

const ADA_FIELDS = { email: ADA.email, password: ADA.password }

interface Data {
  ticket: string | null
  fanOut: { site: string; url: string }[]
  next: string
}

function signInAt(world: World, browser: Browser, fields: object, headers: Record<string, string> = {}) {
  return postJson(browser, `${world.shop}/api/signin`, fields, { origin: world.shop, ...headers })
}

function submitAt(world: World, browser: Browser, fields: Record<string, string>): Promise<Reply> {
  return browser.request(`${world.shop}/api/signin`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: world.shop,
      referer: `${world.shop}/welcome?from=mail`,
    },
    body: new URLSearchParams(fields).toString(),
  })
}

let people = 0
async function person(world: World): Promise<string> {
  const email = `form${people++}@example.com`
  await world.service.users.add({ email, password: GOOD_PASSWORD, name: 'Lin', emailVerified: true })
  return email
}

for (const [name, world] of Object.entries(worlds)) {
  const { auth, shop, news, games } = world

  test.serial(
    `${name}: a site’s own form signs in here, by pixels there, and at the auth service by the way on`,
    async t => {
      const browser = new Browser()
      const reply = await signInAt(world, browser, { ...ADA_FIELDS, return_to: '/members' })
      t.is(reply.status, 200)
      const { data, ...envelope } = JSON.parse(reply.body) as { data: Data }
      t.deepEqual(envelope as object, { code: 0, message: 'signin success' })
      t.deepEqual(Object.keys(data).sort(), ['fanOut', 'next', 'ticket'])
      t.is(data.ticket, null, 'the shop takes no pushed ones')
      t.is(await whoAt(browser, shop), ADA.email)
      t.deepEqual(
        data.fanOut.map(({ site }) => site),
        ['news'],
      )
      for (const { url } of data.fanOut) t.is((await browser.image(url, `${shop}/`)).status, 200)
      t.is(viaOf(await browser.visit(`${news}/`)), 'push')

      t.is(browser.cookie(auth, 'carnet'), null)
      const way = await browser.follow(data.next)
      t.is(way.at(-1)?.status, 200, 'the page that loads the pulled pixels')
      t.is(new URL(way.at(-1)?.url ?? '').origin, auth)
      t.regex(way.at(-1)?.body ?? '', /api\/auth\.gif"/)
      t.regex(way.at(-1)?.body ?? '', /href="http:\/\/shop[^"]*return_to=%2Fmembers"/)
      const handles = [auth, shop, news].map(origin => handleAt(browser, origin))
      t.is(new Set(handles).size, 1, 'one session everywhere')
      t.is(viaOf(await browser.visit(`${games}/members`)), 'bounce', 'and nobody asks for the password')

      const out = await postJson(browser, `${games}/api/signout`, {}, { origin: games })
      t.is(out.status, 200)
      for (const origin of [shop, news, games])
        await until(async () => (await whoAt(browser, origin)) === 'signed_out')
      t.is((await browser.request(`${auth}/account`)).status, 303)
    },
  )

  test.serial(
    `${name}: a form without scripts goes the same way, and comes back to its page where it was refused`,
    async t => {
      const browser = new Browser()
      const wrong = await submitAt(world, browser, { ...ADA_FIELDS, password: 'wrong' })
      t.is(wrong.status, 303)
      t.is(wrong.headers.location, `${shop}/welcome?from=mail&carnet_error=invalid_credentials`)
      t.deepEqual(wrong.cookies, [])
      const empty = await submitAt(world, browser, { email: '' })
      t.is(empty.headers.location, `${shop}/welcome?from=mail&carnet_error=invalid_input`)
      const right = await submitAt(world, browser, {
        ...ADA_FIELDS,
        remember: 'on',
        return_to: '//evil.example/',
      })
      t.is(right.status, 303)
      t.true(right.headers.location?.startsWith(`${auth}/takeover?`))
      const page = (await browser.follow(right.headers.location ?? '')).at(-1)
      t.regex(page?.body ?? '', /id="next" href="http:\/\/shop[^"]*return_to=%2F"/, 'never elsewhere')
      t.not(browser.cookie(auth, 'carnet-remember'), null, 'remembered where browsers are remembered')
      const held = browser.cookie(auth, 'carnet-remember')
      await browser.follow(right.headers.location ?? '')
      t.is(browser.cookie(auth, 'carnet-remember'), held, 'its token is handed out once')
    },
  )

  test.serial(
    `${name}: a remembered browser that has signed in at a site comes back, and a sign-out there ends that`,
    async t => {
      const email = await person(world)
      const fields = { email, password: GOOD_PASSWORD, remember: true }
      const browser = new Browser()
      const { data } = jsonOf(await signInAt(world, browser, fields)) as unknown as { data: Data }
      await browser.follow(data.next)
      const remember = browser.cookie(auth, 'carnet-remember') ?? ''
      t.not(remember, '')
      const later = new Browser()
      later.plant(auth, 'carnet-remember', remember)
      t.is((await later.request(`${auth}/account`)).status, 200)

      const other = new Browser()
      const again = jsonOf(await signInAt(world, other, fields)) as unknown as { data: Data }
      await other.follow(again.data.next)
      const kept = other.cookie(auth, 'carnet-remember') ?? ''
      await postJson(other, `${shop}/api/signout`, {}, { origin: shop })
      const after = new Browser()
      after.plant(auth, 'carnet-remember', kept)
      t.is((await after.request(`${auth}/account`)).status, 303)
    },
  )

  test.serial(
    `${name}: the limits are the auth service’s own, for tries here and there together`,
    async t => {
      const email = await person(world)
      const from = { from: '127.0.21.1' }
      const wrong = { email, password: 'wrong' }
      for (let n = 0; n < 3; n++) {
        t.is(jsonOf(await signInAt(world, new Browser(from), wrong)).error, 'invalid_credentials')
      }
      for (let n = 0; n < 2; n++) {
        const there = await postJson(new Browser(from), `${auth}/signin`, wrong)
        t.is(jsonOf(there).error, 'invalid_credentials')
      }
      const refused = await signInAt(world, new Browser(from), wrong)
      t.is(refused.status, 429)
      t.is(jsonOf(refused).error, 'rate_limited')
      t.regex(refused.headers['retry-after'] ?? '', /^\d+$/)
      const page = await submitAt(world, new Browser(from), wrong)
      t.is(page.status, 429)
      t.regex(page.body, /<h1>/)
    },
  )

  test.serial(`${name}: what a site signs in is in the audit log, with the person’s network`, async t => {
    const email = await person(world)
    const browser = new Browser({ from: '127.0.22.1' })
    await signInAt(world, browser, { email, password: 'wrong' })
    await signInAt(world, browser, { email, password: GOOD_PASSWORD })
    const { audit, users } = world.service.desk
    const account = await users.find({ email })
    await audit.flush()
    const entries = []
    for await (const entry of audit.read({ user: account?.user.id ?? '' })) entries.push(entry)
    t.like(entries[0], {
      event: 'signin_refused',
      site: 'shop',
      outcome: 'invalid_credentials',
      prefix: '127.0.22.0/24',
    })
    t.like(entries[1], { event: 'signin', site: 'shop', outcome: 'ok', prefix: '127.0.22.0/24' })
  })

  test.serial(
    `${name}: a browser is known again at the site: no stranger’s tries keep its owner out`,
    async t => {
      const email = await person(world)
      const fields = { email, password: GOOD_PASSWORD }
      const browser = new Browser()
      await signInAt(world, browser, fields)
      await until(async () => (await mailsTo(world, email)).length === 1)
      t.not(browser.cookie(shop, 'carnet-device'), null)
      const stranger = () => new Browser({ from: '127.0.23.1' })
      for (let n = 0; n < 5; n++) await signInAt(world, stranger(), { email, password: 'wrong' })
      t.is((await signInAt(world, stranger(), fields)).status, 429)
      t.is((await signInAt(world, new Browser(), fields)).status, 429)
      t.is((await signInAt(world, browser, fields)).status, 200)
    },
  )

  test.serial(`${name}: the session that the browser had at the site is over`, async t => {
    const browser = new Browser()
    await signInAt(world, browser, ADA_FIELDS)
    const first = browser.cookie(shop, 'carnet') ?? ''
    await signInAt(world, browser, ADA_FIELDS)
    t.not(browser.cookie(shop, 'carnet'), first)
    const stale = new Browser()
    stale.plant(shop, 'carnet', first)
    await until(async () => (await whoAt(stale, shop)) === 'signed_out')
  })

  test.serial(
    `${name}: what did not start at the site’s own page, and sites without the form, are refused`,
    async t => {
      const foreign = await postJson(new Browser(), `${shop}/api/signin`, ADA_FIELDS, {
        origin: 'http://evil.localhost',
      })
      t.like(jsonOf(foreign), { error: 'csrf' })
      const cross = await signInAt(world, new Browser(), ADA_FIELDS, { 'sec-fetch-site': 'cross-site' })
      t.like(jsonOf(cross), { error: 'csrf' })
      const closed = await postJson(new Browser(), `${games}/api/signin`, ADA_FIELDS, { origin: games })
      t.like(jsonOf(closed), { error: 'forbidden' })
      const odd = await signInAt(world, new Browser(), { ...ADA_FIELDS, role: 'admin' })
      t.like(jsonOf(odd), { error: 'invalid_input' })
      for (const body of ['[]', 'null', '{', `{"email":"${'x'.repeat(20_000)}"}`]) {
        const reply = await postJson(new Browser(), `${shop}/api/signin`, body, { origin: shop })
        t.is(jsonOf(reply).error, 'invalid_input', body.slice(0, 20))
      }
      for (const reply of [foreign, cross, closed, odd]) t.deepEqual(reply.cookies, [])
    },
  )
}

function handleAt(browser: Browser, origin: string): string {
  return sessionHandle((browser.cookie(origin, 'carnet') ?? '').split('.', 1)[0] ?? '')
}
