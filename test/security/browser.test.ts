// The browser's boundary over HTTP: who may change something, who may read, what a cookie may do, what a cache may keep.
import { readFileSync } from 'node:fs'
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { postJson, whoAt } from '../support/world.ts'
import { enteredBrowser, newPerson, pushedPixel, setsSession, signInPage, startStages } from './world.ts'

const stages = await startStages()
test.after.always(() => stages.close())

/** Everything at the service that changes something, with what would change it. */
const CHANGES: Record<string, Record<string, string>> = {
  '/signin': { email: 'ada@example.com', password: 'correct horse battery staple' },
  '/signup': { name: 'M', email: 'm@example.com', password: 'x'.repeat(20), passwordAgain: 'x'.repeat(20) },
  '/signout': {},
  '/authorize': { user: 'x' },
  '/verify-email': { token: 'x' },
  '/verify-email/resend': { email: 'ada@example.com' },
  '/password/forgot': { email: 'ada@example.com' },
  '/password/reset': { token: 'x', password: 'x'.repeat(20), passwordAgain: 'x'.repeat(20) },
  '/account/profile': { name: 'Mallory' },
  '/account/email': { email: 'mallory@example.com' },
  '/account/password': { password: 'another good long secret', passwordAgain: 'another good long secret' },
  '/account/sessions': { end: 'everywhere' },
  '/account/delete': {},
}

const FORM = 'application/x-www-form-urlencoded'

test('B1 CSRF: every door of the service that takes a POST is among them', t => {
  const app = readFileSync(new URL('../../packages/auth-service/src/web/app.ts', import.meta.url), 'utf8')
  const doors = [...app.matchAll(/doors\.(?!get)\w+\('([^']+)'/g)].map(([, path = '']) => path)
  t.deepEqual(doors.sort(), Object.keys(CHANGES).sort())
})

stages.each(
  'B1 CSRF: no state change is taken that did not start on a page of that very origin',
  async (t, stage) => {
    const { auth, shop, news, games } = stage
    const person = await newPerson(stage)
    const browser = await enteredBrowser(stage, person, [shop, news, games])
    const doors = [
      ...Object.entries(CHANGES).map(([path, fields]) => ({ url: auth + path, own: auth, fields })),
      ...[shop, news, games].map(site => ({ url: `${site}/api/signout`, own: site, fields: {} })),
    ]
    for (const { url, own, fields } of doors) {
      const sibling = own === shop ? news : shop
      const strangers: Record<string, string>[] = [
        { 'content-type': FORM },
        { 'content-type': FORM, origin: 'https://evil.example' },
        { 'content-type': FORM, origin: sibling },
        { 'content-type': FORM, origin: `${own}.evil.example` },
        { 'content-type': FORM, origin: 'null' },
        { 'content-type': FORM, 'sec-fetch-site': 'same-site', origin: own },
        { 'content-type': FORM, 'sec-fetch-site': 'cross-site', origin: own },
        { 'content-type': FORM, referer: `${own}/` },
        { 'content-type': 'text/plain' },
        { 'content-type': 'text/plain; x=application/json' },
        { 'content-type': 'application/json', origin: 'https://evil.example' },
        { 'content-type': 'application/json', 'sec-fetch-site': 'same-site' },
      ]
      for (const headers of strangers) {
        const isForm = headers['content-type'] === FORM
        const body = isForm ? new URLSearchParams(fields).toString() : JSON.stringify(fields)
        const reply = await browser.request(url, { method: 'POST', headers, body })
        t.is(reply.status, 403, `${url} ${JSON.stringify(headers)}`)
        t.is(reply.headers['carnet-error'], 'csrf')
        t.false(setsSession(reply))
      }
    }
    for (const site of [shop, news, games]) t.is(await whoAt(browser, site), person.email)
    t.like((await stage.service.users.find({ id: person.id }))?.user, { name: 'P', email: person.email })
    t.is(await stage.service.users.find({ email: 'm@example.com' }), null)
    const asked = await postJson(new Browser(), `${auth}/signin`, CHANGES['/signin'])
    t.is(asked.status, 200, 'what an honest program sends')
  },
)

stages.each('B2 CORS: no answer lets another origin read it, whatever that asks for', async (t, stage) => {
  const { auth, shop } = stage
  const browser = await enteredBrowser(stage, undefined, [shop])
  const headers = {
    origin: 'https://evil.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  }
  const urls = [
    `${auth}/`,
    `${auth}/account`,
    `${auth}/signin`,
    `${auth}/nowhere`,
    `${shop}/api/session`,
    `${shop}/api/signout`,
    `${shop}/api/auth.gif`,
  ]
  for (const url of urls) {
    for (const method of ['GET', 'OPTIONS']) {
      const reply = await browser.request(url, { method, headers })
      t.deepEqual(
        Object.keys(reply.headers).filter(name => name.startsWith('access-control-')),
        [],
        `${method} ${url}`,
      )
      if (method === 'OPTIONS') t.true(reply.status >= 400, url)
    }
  }
})

stages.each(
  'B3 cookies: only the claim and a pull’s nonce are third-party, and no script reads any',
  async (t, stage) => {
    const { auth, shop, games } = stage
    const browser = new Browser()
    const page = signInPage(stage)
    const replies = [
      await postJson(browser, `${auth}/signin`, { ...CHANGES['/signin'], remember: true }),
      ...(await browser.follow(`${shop}/members`)),
      ...(await browser.follow(`${games}/api/auth.gif`, { page })),
      await browser.request(await pushedPixel(stage, browser), { page }),
      ...(await browser.follow(`${games}/members`)),
    ]
    const cookies = replies.flatMap(({ cookies }) => cookies)
    for (const name of ['carnet', 'carnet-remember', '__Host-carnet-claim', 'carnet-pull-', 'carnet-nonce-'])
      t.true(
        cookies.some(
          cookie => cookie.startsWith(`${name}=`) || (name.endsWith('-') && cookie.startsWith(name)),
        ),
        name,
      )
    for (const cookie of cookies) {
      const thirdParty = /^(__Host-carnet-claim|carnet-pull-)/.test(cookie)
      t.regex(cookie, thirdParty ? /; Secure; SameSite=None$/ : /; samesite=lax/i, cookie)
      t.regex(cookie, /; httponly/i, cookie)
      t.regex(cookie, /; path=\/(;|$)/i, cookie)
      t.notRegex(cookie, /; domain=/i, cookie)
    }
  },
)

stages.each('B4 caches: no answer of a pixel may be kept, whatever becomes of it', async (t, stage) => {
  const { news, games } = stage
  const browser = new Browser()
  const page = signInPage(stage)
  const pixel = await pushedPixel(stage, browser)
  const replies = [
    await browser.request(pixel, { page }),
    await browser.request(pixel, { page }),
    await browser.request(pixel, { page, method: 'HEAD' }),
    await browser.request(`${news}/api/auth.gif`, { page }),
    await browser.request(`${news}/api/auth.gif?error=signed_out`, { page }),
    ...(await browser.follow(`${games}/api/auth.gif`, { page })),
  ]
  t.deepEqual(replies.map(({ status }) => status).sort(), [200, 200, 302, 302, 400, 401, 401, 405])
  for (const { headers, url, status } of replies) {
    t.is(headers['cache-control'], 'no-store', `${status} ${url}`)
    t.is(headers['etag'], undefined)
    t.is(headers['last-modified'], undefined)
    t.is(headers['expires'], undefined)
  }
})
