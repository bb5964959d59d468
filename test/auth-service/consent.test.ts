import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { GOOD_PASSWORD, jsonOf, submitForm } from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { postJson, signedIn, signInHere, signInJson, viaOf, type World, whoAt } from '../support/world.ts'

const asks = (yaml: string) => yaml.replace(/(id: games.*), fanOut: pull/, '$1, ask: true')
const both = await startBothWorlds({ adjust: asks })
const { worlds } = both
test.after.always(() => both.close())

const state = 's'.repeat(43)
const json = { headers: { accept: 'application/json' } }

/** Goes on from the page after an answer, as its link says. */
async function goOn(browser: Browser, body: string) {
  const next = /id="next" href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  return browser.follow(next)
}

const linkOf = (body: string, text: string) =>
  new RegExp(`href="([^"]+)">${text}<`).exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''

const authorize = ({ auth }: World, more = '') => `${auth}/authorize?site=games&state=${state}${more}`

for (const [name, world] of Object.entries(worlds)) {
  const { auth, shop, news, games } = world

  test.serial(
    `${name}: a site that asks learns nothing before the person goes on, and then for the session`,
    async t => {
      const browser = await signedIn(world)
      const asked = await browser.follow(`${games}/members?level=3`)
      t.deepEqual(
        asked.map(({ url, status }) => [new URL(url).origin + new URL(url).pathname, status]),
        [
          [`${games}/members`, 303],
          [`${auth}/authorize`, 200],
        ],
      )
      const { url = '', body = '', headers } = asked[1] ?? {}
      for (const text of ['Continue to Games as Ada?', new URL(games).host, 'Ada', ADA.email, 'member'])
        t.true(body.includes(text), text)
      t.is(headers?.['cache-control'], 'no-store')
      t.is(await whoAt(browser, games), 'signed_out')
      const answered = await submitForm(browser, url, {})
      t.is(answered.status, 200)
      const back = await goOn(browser, answered.body)
      t.is(back.at(-1)?.url, `${games}/members?level=3`)
      t.is(viaOf(back.at(-1) as (typeof back)[number]), 'bounce')
      t.is(await whoAt(browser, games), ADA.email)

      browser.forget(games)
      t.is((await browser.follow(`${games}/members`)).length, 4, 'asked once a session')
      await signInHere(world, browser)
      t.is((await browser.follow(`${games}/members`)).at(-1)?.url.startsWith(`${auth}/authorize`), true)
    },
  )

  test.serial(`${name}: a site that asks has no pixels, and the others need no asking`, async t => {
    const browser = new Browser()
    const { fanOut } = await signInJson(world, browser)
    t.deepEqual(
      fanOut.map(({ site }) => site),
      ['shop', 'news'],
    )
    t.is((await browser.request(`${games}/api/auth.gif`)).headers['carnet-error'], 'ticket_missing')
    t.is((await browser.request(authorize(world, '&mode=pixel'))).status, 400)
    for (const site of [shop, news]) t.is(viaOf(await browser.visit(`${site}/members`)), 'bounce')
  })

  test.serial(`${name}: prompt=none is signed_out before, and a ticket afterwards`, async t => {
    const browser = await signedIn(world)
    const silently = async () => {
      const { headers } = await browser.request(authorize(world, '&prompt=none'))
      return new URL(headers.location ?? '').searchParams
    }
    t.is((await silently()).get('error'), 'signed_out')
    t.is((await submitForm(browser, authorize(world), {})).status, 200)
    t.regex((await silently()).get('ticket') ?? '', /^games\./)
    const other = await signedIn(world)
    const { headers } = await other.request(authorize(world, '&prompt=none'))
    t.regex(headers.location ?? '', /error=signed_out/, 'another session of the same user is asked itself')
  })

  test.serial(`${name}: who would not go on is back at the page, and is not asked at once again`, async t => {
    const browser = await signedIn(world)
    const open = await browser.visit(`${games}/api/signin?return_to=/`)
    const notNow = linkOf(open.body, 'Not now')
    t.regex(notNow, new RegExp(`^${games}/api/auth\\?error=signed_out&state=`))
    const back = await browser.follow(notNow)
    t.is(back.at(-1)?.url, `${games}/`)
    t.is(viaOf(back.at(-1) as (typeof back)[number]), 'none')

    const asked = await browser.visit(`${games}/api/signin?return_to=/members`)
    t.regex(asked.body, /Continue to Games as Ada/, 'who asks is asked')
    const answered = await submitForm(browser, asked.url, {})
    t.is((await goOn(browser, answered.body)).at(-1)?.url, `${games}/members`)
    browser.plant(games, 'carnet', 'x')
    const later = await browser.visit(`${games}/members`)
    t.is(later.status, 200, 'what was declined before is forgotten')
  })

  test.serial(`${name}: a protected page that is declined shows no second question`, async t => {
    const browser = await signedIn(world)
    const asked = await browser.visit(`${games}/members`)
    const declined = await browser.follow(linkOf(asked.body, 'Not now'))
    t.deepEqual(
      declined.map(({ url, status }) => [new URL(url).pathname, status]),
      [
        ['/api/auth', 303],
        ['/members', 401],
      ],
    )
    const { headers, body } = declined[1] ?? {}
    t.is(headers?.['carnet-error'], 'signed_out')
    t.is(linkOf(body ?? '', 'Sign in'), '/api/signin?return_to=%2Fmembers')
    t.regex((await browser.visit(`${games}/members`)).body, /Continue to Games/, 'once')
  })

  test.serial(`${name}: a silent bounce that found nobody stands in nobody's way`, async t => {
    const browser = new Browser()
    await browser.visit(`${games}/api/signin?prompt=none&return_to=/`)
    t.is(new URL((await browser.visit(`${games}/members`)).url).pathname, '/signin')
  })

  test.serial(`${name}: consent is the same browser's own word, of the one who was shown`, async t => {
    const browser = await signedIn(world)
    const url = authorize(world)
    const user = (await world.service.users.find({ email: ADA.email }))?.user.id ?? ''
    const answer = (headers: Record<string, string>, fields: Record<string, string>) =>
      browser.request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields).toString(),
      })
    t.is((await answer({}, { user })).headers['carnet-error'], 'csrf')
    t.is((await answer({ origin: games }, { user })).headers['carnet-error'], 'csrf')
    t.is((await answer({ 'sec-fetch-site': 'cross-site' }, { user })).headers['carnet-error'], 'csrf')
    t.is((await answer({ origin: auth }, {})).status, 400)
    t.is((await answer({ origin: auth }, { user, roles: 'admin' })).status, 400)
    const mistaken = await answer({ origin: auth }, { user: 'somebody' })
    t.is(mistaken.headers.location, url, 'asked again')
    t.is((await postJson(browser, url, { user: 'somebody' })).status, 401)
    t.regex((await browser.request(url)).body, /Continue to Games/)
    t.is((await postJson(new Browser(), url, { user })).status, 401)
    t.is((await answer({ origin: auth }, { user })).status, 200)
    t.regex((await browser.request(url)).headers.location ?? '', /ticket=/)
  })

  test.serial(`${name}: as JSON it says what is asked, and where to go on`, async t => {
    const browser = await signedIn(world)
    const { data } = jsonOf(await browser.request(authorize(world), json))
    const user = data?.['user'] as { id: string; email: string }
    t.deepEqual(data?.['site'], { id: 'games', name: 'Games', origin: games })
    t.is(user.email, ADA.email)
    const answered = await postJson(browser, authorize(world), { user: user.id })
    t.deepEqual(jsonOf(answered).data, { returnTo: authorize(world) })
    t.regex((await browser.request(authorize(world))).headers.location ?? '', /ticket=/)
  })

  test.serial(
    `${name}: another account signs out of this one first, and comes back to the question`,
    async t => {
      const email = 'grace@example.com'
      await world.service.users.add({ email, password: GOOD_PASSWORD, name: 'Grace', emailVerified: true })
      const browser = await signedIn(world)
      const asked = await browser.visit(`${games}/members`)
      const another = linkOf(asked.body, 'Use another account')
      t.is(new URL(another).pathname, '/signout')
      const out = await submitForm(browser, another, {})
      t.is(out.status, 303)
      const entered = await submitForm(browser, out.headers.location ?? '', {
        email,
        password: GOOD_PASSWORD,
      })
      const question = (await goOn(browser, entered.body)).at(-1)
      t.regex(question?.body ?? '', /Continue to Games as Grace\?/)
      const answered = await submitForm(browser, question?.url ?? '', {})
      t.is((await goOn(browser, answered.body)).at(-1)?.url, `${games}/members`)
      t.is(await whoAt(browser, games), email)
    },
  )
}
