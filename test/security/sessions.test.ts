// Sessions and cookies: fixation, claims, remembering, tabs, foreign cookies, resurrection, failover, caches, limits.
import { Browser, type Reply } from '@carnet/demo/browser'
import { sessionHandle } from '@carnet/protocol'
import test from 'ava'
import { GOOD_PASSWORD, linkIn, mailTo, submitForm } from '../support/accounts.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, signedIn, startWorld, viaOf, type World, whoAt } from '../support/world.ts'
import {
  calls,
  enter,
  enteredBrowser,
  newPerson,
  ready,
  setsSession,
  signInPage,
  signOutAt,
  startStages,
} from './world.ts'

const stages = await startStages({ overHttp: true })
test.after.always(() => stages.close())

const sidOf = (browser: Browser, origin: string) =>
  (browser.cookie(origin, 'carnet') ?? '').split('.')[0] ?? ''

/** Whether the service knows who asks, asked by JSON. */
const known = async (browser: Browser, { auth }: World) =>
  (await browser.request(`${auth}/account`, { headers: { accept: 'application/json' } })).status === 200

stages.each(
  'S1 fixation: each sign-in has a session of its own and ends the one before; no id is adopted',
  async (t, stage) => {
    const { auth, shop } = stage
    const browser = new Browser()
    const planted = 'a'.repeat(32)
    for (const value of [planted, `${planted}.${'b'.repeat(43)}`]) {
      browser.plant(auth, 'carnet', value)
      await enter(stage, browser)
      t.not(sidOf(browser, auth), planted)
    }
    // What an attacker put there: a session of his own, which the victim then signs in over.
    const mallory = await newPerson(stage)
    const attacker = await enteredBrowser(stage, mallory, [shop])
    const victim = new Browser()
    victim.plant(auth, 'carnet', attacker.cookie(auth, 'carnet') ?? '')
    await enter(stage, victim)
    t.not(sidOf(victim, auth), sidOf(attacker, auth))
    t.false(await known(attacker, stage))
    t.is(await whoAt(attacker, shop), 'signed_out')
    const before = sidOf(victim, auth)
    await victim.visit(`${shop}/members`)
    await enter(stage, victim)
    t.not(sidOf(victim, auth), before)
    t.is(await whoAt(victim, shop), 'signed_out', 'the old session is gone at every site')
  },
)

stages.each(
  'S2 claim: it authenticates nothing, and is swapped by a navigation or the site’s own script only',
  async (t, stage) => {
    const { shop } = stage
    const evil = 'http://evil.localhost:1/'
    const browser = await signedIn(stage)
    const claim = browser.cookie(shop, '__Host-carnet-claim')
    t.not(claim, null)
    const foreign: Reply[] = [
      await browser.request(`${shop}/members`, {
        method: 'POST',
        page: evil,
        headers: { 'sec-fetch-mode': 'navigate' },
      }),
      await browser.request(`${shop}/members`, { page: evil, headers: { 'sec-fetch-mode': 'no-cors' } }),
      await browser.request(`${shop}/api/session`, {
        page: evil,
        headers: { 'sec-fetch-site': 'cross-site' },
      }),
      await browser.request(`${shop}/api/session`, { page: evil }),
      await browser.request(`${shop}/api/session`, { page: evil, headers: { origin: 'null' } }),
    ]
    for (const reply of foreign) {
      t.false(setsSession(reply))
      t.notRegex(reply.body, /Signed in|ada@example\.com/)
    }
    t.is(browser.cookie(shop, '__Host-carnet-claim'), claim, 'it is still there')
    const posing = new Browser()
    posing.plant(shop, 'carnet', claim ?? '')
    t.is(await whoAt(posing, shop), 'signed_out')
    t.is(viaOf(await browser.visit(`${shop}/members`)), 'pull')
    t.is(browser.cookie(shop, '__Host-carnet-claim'), null)
  },
)

stages.each(
  'S3 remembering: a sign-out at a site is not undone by the browser that is remembered',
  async (t, stage) => {
    const { auth, shop } = stage
    const { noteEndedElsewhere } = stage.service.sessions
    // As where the service was away, and never heard of it: only the store can tell.
    stage.service.sessions.noteEndedElsewhere = async () => 0
    t.teardown(() => {
      stage.service.sessions.noteEndedElsewhere = noteEndedElsewhere.bind(stage.service.sessions)
    })
    const browser = new Browser()
    await enter(stage, browser, undefined, { remember: true })
    const remembered = browser.cookie(auth, 'carnet-remember') ?? ''
    await browser.visit(`${shop}/members`)
    t.is((await signOutAt(browser, shop)).status, 200)
    t.false(await known(browser, stage))
    t.is(browser.cookie(auth, 'carnet-remember'), null)
    browser.plant(auth, 'carnet-remember', remembered)
    t.false(await known(browser, stage), 'the series has ended')

    const control = new Browser()
    await enter(stage, control, undefined, { remember: true })
    const kept = control.cookie(auth, 'carnet-remember') ?? ''
    control.forget(auth)
    control.plant(auth, 'carnet-remember', kept)
    t.true(await known(control, stage), 'without a sign-out it does bring the session back')
  },
)

stages.each(
  'S4 tabs: bounces at once do not disturb each other, and no nonce can be tossed in',
  async (t, stage) => {
    const { shop } = stage
    const browser = await enteredBrowser(stage)
    const tabs = ['/members?tab=1', '/members?tab=2', '/members?tab=3']
    const begun = []
    for (const tab of tabs) begun.push(await browser.request(shop + tab))
    for (const [index, { headers }] of [...begun.entries()].reverse()) {
      const passed = await browser.request(headers.location ?? '')
      t.is(
        (await browser.request(passed.headers.location ?? '')).headers.location,
        shop + (tabs[index] ?? ''),
      )
    }
    // A nonce that the attacker's browser holds, under the name that belongs to his state, but signed for another way in.
    const attacker = new Browser()
    const pull = await attacker.request(`${shop}/api/auth.gif`, { page: signInPage(stage) })
    const state = new URL(pull.headers.location ?? '').searchParams.get('state') ?? ''
    const [line = ''] = pull.cookies
    const value = line.slice(line.indexOf('=') + 1, line.indexOf(';'))
    await enter(stage, attacker)
    const passed = await attacker.request(`${stage.auth}/authorize?site=shop&state=${state}`)
    const victim = new Browser()
    victim.plant(shop, `carnet-nonce-${state.slice(0, 12).replace(/[^\w-]/g, '')}`, value)
    t.false(setsSession(await victim.request(passed.headers.location ?? '')))
  },
)

stages.each(
  'S5 cookies: one of another site, a forged one, and two of one name are refused',
  async (t, stage) => {
    const { auth, shop, news, games } = stage
    const browser = await enteredBrowser(stage, undefined, [shop, news])
    const good = browser.cookie(shop, 'carnet') ?? ''
    for (const elsewhere of [news, games]) {
      const thief = new Browser()
      thief.plant(elsewhere, 'carnet', good)
      t.is(await whoAt(thief, elsewhere), 'signed_out')
    }
    const atService = new Browser()
    atService.plant(auth, 'carnet', good)
    t.false(await known(atService, stage))
    const [sid = '', signature = ''] = good.split('.')
    const own = browser.cookie(news, 'carnet') ?? ''
    const forged = [
      sid,
      `${sid}.`,
      `${sid}.${'A'.repeat(43)}`,
      `${'a'.repeat(32)}.${signature}`,
      `${good}x`,
      `${sid}.${own.split('.')[1]}`,
      '%00',
      'x'.repeat(9_000),
    ]
    const ask = (cookie: string) => new Browser().request(`${shop}/api/session`, { headers: { cookie } })
    // What a sibling domain can call a cookie that no browser lets it call `__Host-carnet`.
    t.is((await ask(`\u00a0carnet=${good}`)).status, 401)
    t.is((await ask(`carnet=${good}; \u00a0carnet=x`)).status, 200)
    const doubled = [`${good}; carnet=x`, `x; carnet=${good}`, `${good}; carnet=${good}`]
    for (const value of [...forged, ...doubled]) {
      const reply = await new Browser().request(`${shop}/api/session`, {
        headers: { cookie: `carnet=${value}` },
      })
      t.is(reply.status, 401, value.slice(0, 60))
    }
    t.is(await whoAt(browser, shop), 'ada@example.com')
  },
)

stages.each(
  'S6 resurrection: a request that began before the sign-out brings nothing back',
  async (t, stage) => {
    const { auth, shop, store } = stage
    const browser = await enteredBrowser(stage, undefined, [shop])
    const other = await enteredBrowser(stage)
    const [endBefore = 0] = await store.ends([sidOf(other, auth)])
    const end = endBefore ?? 0
    // Both sessions are due to be touched now, together, once these have been answered.
    const [asked] = await Promise.all([
      browser.request(`${auth}/`),
      browser.request(`${shop}/members`),
      other.request(`${auth}/`),
    ])
    t.is(asked.status, 200)
    t.is((await signOutAt(browser, shop)).status, 200)
    await until(async () => ((await store.ends([sidOf(other, auth)]))[0] ?? 0) > end)
    t.is(await whoAt(browser, shop), 'signed_out')
    t.false(await known(browser, stage))
    t.deepEqual(await store.ends([sidOf(browser, auth)]), [null])
  },
)

test('S7 failover: a store that has lost an acknowledged sign-out is told of it before anybody reads it', async t => {
  const redis = await startRedis({ log: false })
  t.teardown(redis.stop)
  const world = await startWorld({ store: redis.url })
  t.teardown(world.close)
  await ready(world)
  const [leaver, stayer] = [
    await enteredBrowser(world, undefined, [world.shop, world.games]),
    await enteredBrowser(world, undefined, [world.shop]),
  ]
  const kept = leaver.cookie(world.shop, 'carnet') ?? ''
  t.is(await whoAt(leaver, world.games), 'ada@example.com')
  await redis.ask('SAVE')
  t.is((await signOutAt(leaver, world.shop)).status, 200)
  await redis.restart()
  const thief = new Browser()
  thief.plant(world.shop, 'carnet', kept)
  // What the store came back with is never told: each agent says that it does not know, and then that nobody is there.
  for (const [browser, site] of [
    [thief, world.shop],
    [leaver, world.games],
  ] as const) {
    const told = new Set<string>()
    await until(async () => {
      told.add(await whoAt(browser, site))
      return told.has('signed_out')
    })
    told.delete('store_unavailable')
    t.deepEqual([...told], ['signed_out'])
  }
  // The control: what was saved has come back, but for what had ended since.
  await until(async () => (await whoAt(stayer, world.shop)) === 'ada@example.com')
})

stages.each(
  'S8 caches: a sign-out and a change reach every agent at once, by messages that can only make it ask',
  async (t, stage) => {
    const { shop, news, games } = stage
    const person = await newPerson(stage)
    const browser = await enteredBrowser(stage, person, [shop, news, games])
    const all = [shop, news, games]
    /** Waits until every agent answers from its memory. */
    const warm = async () => {
      for (const site of all) t.is(await whoAt(browser, site), person.email)
      const { redis } = stage
      if (redis === null) return
      await until(async () => {
        const before = await calls({ redis }, 'get')
        for (const site of all) await whoAt(browser, site)
        return (await calls({ redis }, 'get')) === before
      })
    }
    await warm()
    await stage.service.users.change(person.id, { roles: ['editor'] })
    await stage.service.sessions.follow({ user: person.id })
    const roles = async (site: string) =>
      /"roles":\[([^\]]*)\]/.exec((await browser.request(`${site}/api/session`)).body)?.[1]
    for (const site of all) await until(async () => (await roles(site)) === '"editor"', 1_500)

    if (stage.redis !== null) {
      const handle = sessionHandle(sidOf(browser, stage.auth))
      const admin = JSON.stringify({ sid: sidOf(browser, stage.auth), user: { roles: ['admin'] } })
      for (const text of [handle, admin, `${handle} admin`, '', '\0', 'x'.repeat(100_000)])
        await stage.redis.ask('PUBLISH', 'carnet:forget:{0}', text)
      for (const text of ['', '9e99 x', `${Date.now() + 1e9} x`, 'NaN NaN'])
        await stage.redis.ask('PUBLISH', 'carnet:beat:{0}', text)
      for (const site of all) t.is(await roles(site), '"editor"')
    }

    await warm()
    t.is((await signOutAt(browser, shop)).status, 200)
    t.is(await whoAt(browser, shop), 'signed_out')
    for (const site of [news, games])
      await until(async () => (await whoAt(browser, site)) === 'signed_out', 1_500)
  },
)

test('S9 limits: a session ends when it is not used, and at its absolute end although it is', async t => {
  const world = await startWorld({ adjust: yaml => `${yaml}session: { idle: 1s, absolute: 2s }\n` })
  t.teardown(world.close)
  const [unused, used] = [
    await enteredBrowser(world, undefined, [world.shop]),
    await enteredBrowser(world, undefined, [world.shop]),
  ]
  const since = performance.now()
  let usedAt = 0
  await until(async () => {
    if ((await whoAt(used, world.shop)) === 'signed_out') return true
    usedAt = performance.now()
    return false
  }, 4_000)
  t.true(usedAt - since > 1_200, 'use keeps it alive beyond its idle time')
  t.true(performance.now() - since < 2_600)
  t.is(await whoAt(unused, world.shop), 'signed_out')
})

stages.each(
  'S9 limits: a new password, a reset, “everywhere” and disabling end every session',
  async (t, stage) => {
    const { auth, shop } = stage
    const ways: Record<
      string,
      (browser: Browser, person: { id: string; email: string }) => Promise<unknown>
    > = {
      'a new password': browser =>
        postJson(browser, `${auth}/account/password`, {
          password: GOOD_PASSWORD,
          passwordAgain: GOOD_PASSWORD,
        }),
      everywhere: browser => postJson(browser, `${auth}/account/sessions`, { end: 'everywhere' }),
      async 'a reset'(_, { email }) {
        await postJson(new Browser(), `${auth}/password/forgot`, { email })
        const link = linkIn(await mailTo(stage, email, /\/password\/reset\?/))
        return submitForm(new Browser(), link, { password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD })
      },
      async disabling(_, { id }) {
        await stage.service.users.change(id, { disabled: true })
        await stage.service.sessions.follow({ user: id })
      },
    }
    for (const [way, end] of Object.entries(ways)) {
      const person = await newPerson(stage)
      const [first, second] = [
        await enteredBrowser(stage, person, [shop]),
        await enteredBrowser(stage, person, [shop]),
      ]
      t.is(await whoAt(second, shop), person.email)
      await end(first, person)
      await until(async () => (await whoAt(second, shop)) === 'signed_out', 2_000)
      t.false(await known(second, stage), way)
    }
  },
)
