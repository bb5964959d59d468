import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { GOOD_PASSWORD, jsonOf, mailTo, submitForm } from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { until } from '../support/until.ts'
import { postJson, signInHere, type World, whoAt } from '../support/world.ts'

const short = (yaml: string) => `${yaml}session: { idle: 1s }\n`
const both = await startBothWorlds({ adjust: short })
const { worlds } = both
test.after.always(() => both.close())

/** A person's browser that is remembered. */
async function remembered(world: World, email: string): Promise<Browser> {
  const browser = new Browser()
  const reply = await postJson(browser, `${world.auth}/signin`, {
    email,
    password: GOOD_PASSWORD,
    remember: true,
  })
  if (reply.status !== 200) throw new Error(reply.body)
  return browser
}

let people = 0
async function person(world: World): Promise<{ id: string; email: string }> {
  return world.service.users.add({
    email: `p${people++}@example.com`,
    password: GOOD_PASSWORD,
    name: 'P',
    emailVerified: true,
  })
}

/** Waits until the sessions of a user have ended by themselves. */
async function idle(world: World, id: string): Promise<void> {
  await until(async () => (await world.service.sessions.list(id)).length === 0)
}

const account = (world: World, browser: Browser) =>
  browser.request(`${world.auth}/account`, { headers: { accept: 'application/json' } })

for (const [name, world] of Object.entries(worlds)) {
  const { auth, shop, news } = world

  test(`${name}: a remembered browser comes back without a password, at the service and by a site, and is not fresh`, async t => {
    const { id, email } = await person(world)
    const browser = await remembered(world, email)
    t.regex(browser.cookie(auth, 'carnet-remember') ?? '', /^[\w-]{32}\.[\w-]{32}\.[\w-]{43}$/)
    const before = browser.cookie(auth, 'carnet')
    await idle(world, id)
    t.is((await account(world, browser)).status, 200)
    t.not(browser.cookie(auth, 'carnet'), before)
    const asked = await browser.request(`${auth}/account/password`)
    t.is(asked.headers.location, '/signin?return_to=%2Faccount%2Fpassword&max_age=600')
    t.regex((await browser.request(auth + asked.headers.location)).body, /Confirm that it is you/)
    t.is(
      (await browser.request(`${auth}/account/export`, { headers: { accept: 'application/json' } })).status,
      401,
    )

    await idle(world, id)
    const page = await browser.visit(`${shop}/members`)
    t.regex(page.body, /Signed in as P/)
    t.is(await whoAt(browser, shop), email)
    const state = 's'.repeat(43)
    const old = await browser.request(`${auth}/authorize?site=shop&state=${state}&max_age=600`)
    t.regex(old.headers.location ?? '', /\/signin\?/, 'being remembered is no password')
  })

  test(`${name}: who did not ask for it is not remembered`, async t => {
    const { id, email } = await person(world)
    const browser = new Browser()
    await postJson(browser, `${auth}/signin`, { email, password: GOOD_PASSWORD })
    t.is(browser.cookie(auth, 'carnet-remember'), null)
    await idle(world, id)
    t.is((await account(world, browser)).status, 401)
  })

  test(`${name}: parallel requests of a browser that comes back get one session and one token`, async t => {
    const { id, email } = await person(world)
    const browser = await remembered(world, email)
    await idle(world, id)
    const replies = await Promise.all([1, 2, 3, 4].map(() => account(world, browser)))
    t.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    const cookie = (start: string) =>
      new Set(
        replies.flatMap(({ cookies }) =>
          cookies.filter(set => set.startsWith(start)).map(set => set.split(';')[0]),
        ),
      )
    t.is(cookie('carnet=').size, 1)
    t.is(cookie('carnet-remember=').size, 1)
    t.is((await world.service.sessions.list(id)).length, 1)
  })

  test(`${name}: an answer that is lost does no harm`, async t => {
    const { id, email } = await person(world)
    const browser = await remembered(world, email)
    for (let lost = 0; lost < 3; lost++) {
      await idle(world, id)
      const token = browser.cookie(auth, 'carnet-remember') ?? ''
      await account(world, browser)
      browser.forget(auth)
      browser.plant(auth, 'carnet-remember', token)
    }
    await idle(world, id)
    t.is((await account(world, browser)).status, 200)
  })

  test(`${name}: a copied cookie is noticed: the browser’s sessions end and the owner is told`, async t => {
    const { id, email } = await person(world)
    const browser = await remembered(world, email)
    const copy = browser.cookie(auth, 'carnet-remember') ?? ''
    for (let times = 0; times < 2; times++) {
      await idle(world, id)
      t.is((await account(world, browser)).status, 200)
    }
    const thief = new Browser()
    thief.plant(auth, 'carnet-remember', copy)
    t.is((await account(world, thief)).status, 401)
    t.is((await account(world, browser)).status, 401, 'nobody can tell the two apart')
    t.is(thief.cookie(auth, 'carnet-remember'), null)
    t.regex((await mailTo(world, email, /was copied/)).text, /password\/forgot/)
    await idle(world, id)
    t.is((await account(world, browser)).status, 401)
  })

  test(`${name}: a forged cookie is no alarm`, async t => {
    const { id, email } = await person(world)
    const browser = await remembered(world, email)
    const [series = ''] = (browser.cookie(auth, 'carnet-remember') ?? '').split('.')
    const other = new Browser()
    for (const value of [`${series}.${'x'.repeat(32)}.${'y'.repeat(43)}`, 'x', '', `${series}..`]) {
      other.plant(auth, 'carnet-remember', value)
      t.is((await account(world, other)).status, 401)
    }
    await idle(world, id)
    t.is((await account(world, browser)).status, 200)
  })

  test(`${name}: signing out ends the remembering, at the service, at a site, and at a site where the session was gone`, async t => {
    const { id, email } = await person(world)
    const atService = await remembered(world, email)
    await postJson(atService, `${auth}/signout`, {})
    t.is((await account(world, atService)).status, 401)

    const atSite = await remembered(world, email)
    const kept = atSite.cookie(auth, 'carnet-remember') ?? ''
    await atSite.visit(`${shop}/members`)
    t.is((await atSite.submit(`${shop}/members`, '/api/signout', {})).status, 303)
    t.is((await account(world, atSite)).status, 401)
    atSite.plant(auth, 'carnet-remember', kept)
    t.is((await account(world, atSite)).status, 401)

    const late = await remembered(world, email)
    await late.visit(`${shop}/members`)
    await idle(world, id)
    t.is((await late.submit(`${shop}/`, '/api/signout', {})).status, 303)
    t.is(
      (await account(world, late)).status,
      401,
      'the session had ended by itself; the sign-out counts all the same',
    )
  })

  test.serial(
    `${name}: a sign-out by the cookie of a session long over ends what this browser has by now`,
    async t => {
      const { id, email } = await person(world)
      const browser = await remembered(world, email)
      await browser.visit(`${shop}/members`)
      await idle(world, id)
      t.is(
        (await account(world, browser)).status,
        200,
        'the service has another session by now, the shop does not know',
      )
      t.is((await browser.submit(`${shop}/`, '/api/signout', {})).status, 303)
      await until(async () => (await account(world, browser)).status === 401)
      t.is(browser.cookie(auth, 'carnet-remember'), null)
    },
  )

  test.serial(`${name}: a sign-out that the service did not hear of counts all the same`, async t => {
    const { sessions } = world.service
    const heard = sessions.noteEndedElsewhere.bind(sessions)
    sessions.noteEndedElsewhere = async () => 0
    try {
      for (const late of [false, true]) {
        const { id, email } = await person(world)
        const browser = await remembered(world, email)
        await browser.visit(`${shop}/members`)
        if (late) await idle(world, id)
        t.is((await browser.submit(`${shop}/`, '/api/signout', {})).status, 303)
        t.is((await account(world, browser)).status, 401)
        t.is(browser.cookie(auth, 'carnet-remember'), null)
      }
    } finally {
      sessions.noteEndedElsewhere = heard
    }
  })

  test(`${name}: everywhere means every browser; a new password as well`, async t => {
    const { email } = await person(world)
    const [first, second] = [await remembered(world, email), await remembered(world, email)]
    t.is((await postJson(first, `${auth}/account/sessions`, { end: 'everywhere' })).status, 200)
    for (const browser of [first, second]) t.is((await account(world, browser)).status, 401)

    const [third, fourth] = [await remembered(world, email), await remembered(world, email)]
    const password = 'another quite long password'
    const changed = await postJson(third, `${auth}/account/password`, { password, passwordAgain: password })
    t.is(changed.status, 200, changed.body)
    t.is((await account(world, fourth)).status, 401)
    t.is((await account(world, third)).status, 200)
  })

  test(`${name}: another person at the same browser is not remembered as the first`, async t => {
    const [one, two] = [await person(world), await person(world)]
    const browser = await remembered(world, one.email)
    const kept = browser.cookie(auth, 'carnet-remember') ?? ''
    await postJson(browser, `${auth}/signin`, { email: two.email, password: GOOD_PASSWORD })
    t.is(browser.cookie(auth, 'carnet-remember'), null)
    await idle(world, two.id)
    browser.plant(auth, 'carnet-remember', kept)
    t.is((await account(world, browser)).status, 401)
    t.is(await whoAt(browser, news), 'signed_out')
  })

  test.serial(`${name}: a browser that comes back while everything ends does not come back`, async t => {
    const { users, sessions, desk } = world.service
    for (const end of ['a new password', 'a sign-out'] as const) {
      const { id, email } = await person(world)
      const browser = await remembered(world, email)
      await idle(world, id)
      const held = browser.cookie(auth, 'carnet-remember') ?? ''
      const { remembering } = desk
      const present = remembering.present.bind(remembering)
      remembering.present = async (series, token) => {
        const presented = await present(series, token)
        if (!held.startsWith(series)) return presented
        remembering.present = present
        if (end === 'a new password') {
          await users.setPassword(id, 'another quite long password', 0)
          await sessions.end(id, 'all')
        } else await sessions.endSeries(series)
        return presented
      }
      t.is((await account(world, browser)).status, 401, end)
      t.deepEqual(await sessions.list(id), [])
    }
  })
}

test('the checkbox of the form does it, and tells what holds', async t => {
  const world = worlds.embedded
  const browser = new Browser()
  await submitForm(browser, `${world.auth}/signin`, {
    email: ADA.email,
    password: ADA.password,
    remember: 'on',
  })
  t.truthy(browser.cookie(world.auth, 'carnet-remember'))
  await signInHere(world, browser)
  t.is(browser.cookie(world.auth, 'carnet-remember'), null, 'a sign-in without it ends it')
  t.is(jsonOf(await account(world, browser)).code, 0)
})
