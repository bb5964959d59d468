// Redirects: every one of them stays at home, and none goes round for ever.
import { Browser, type Reply } from '@carnet/demo/browser'
import test from 'ava'
import type { World } from '../support/world.ts'
import { enter, enteredBrowser, startStages } from './world.ts'

const stages = await startStages()
test.after.always(() => stages.close())

/** Targets that some reader of URLs takes for another host's. */
function evil(shop: string): string[] {
  const host = new URL(shop).host
  return [
    '//evil.com',
    '///evil.com',
    '/\\evil.com',
    '/\t/evil.com',
    '/\n/evil.com',
    '/\r\n/evil.com',
    '\\\\evil.com',
    '\\/evil.com',
    'https:///evil.com',
    'https:evil.com',
    `http://${host}@evil.com`,
    `http://${host}.evil.com/`,
    `http://${host}%40evil.com`,
    `http://evil.com#${host}`,
    `http://evil.com\\@${host}`,
    `http://${host}:pw@evil.com`,
    `http://user:pw@${host}/`,
    `https://${host}/`,
    `blob:${shop}/x`,
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    '/..//evil.com',
    '/%2e%2e//evil.com',
    '/.//evil.com',
    'http://evil\u3002com',
    '\uff0f\uff0fevil.com',
    '//evil\uff0ecom',
    '\u2044/evil.com',
    '/x\r\nSet-Cookie: tossed=1',
    '\0//evil.com',
    '/'.repeat(3_000),
  ]
}

/** Whether a Location leads nowhere else, also to who reads its path as a reference again. */
function isHome(location: string | undefined, { auth, shop, news, games }: World): boolean {
  if (location === undefined) return true
  const { origin, username, password, pathname } = new URL(location, auth)
  return (
    [auth, shop, news, games].includes(origin) &&
    username === '' &&
    password === '' &&
    !pathname.startsWith('//') &&
    ![...location].some(char => char < ' ')
  )
}

stages.each(
  'R1 open redirect: what is asked for in every way and spelling stays at home',
  async (t, stage) => {
    const { auth, shop } = stage
    const browser = await enteredBrowser(stage, undefined, [shop])
    const newcomer = await enteredBrowser(stage)
    const check = (reply: Reply, asked: string) => {
      t.true(reply.status < 500, `${asked}: ${reply.status}`)
      t.true(isHome(reply.headers.location, stage), `${asked}: ${reply.headers.location}`)
      t.false(reply.cookies.some(cookie => /tossed/.test(cookie.split('=')[0] ?? '')))
    }
    for (const value of evil(shop)) {
      const query = new URLSearchParams({ return_to: value })
      const asked = JSON.stringify(value.slice(0, 60))
      for (const url of [
        `${auth}/signin?${query}`,
        `${auth}/signin?site=shop&${query}`,
        `${auth}/signup?site=shop&${query}`,
        `${auth}/language?to=en&${query}`,
        `${auth}/signout?${query}`,
        `${shop}/api/signin?${query}`,
      ])
        check(await browser.request(url), asked)
      // And the long way: kept in the nonce, through the service, and back.
      for (const reply of await newcomer.follow(`${shop}/api/signin?max_age=1000&${query}`))
        check(reply, asked)
      const form = await browser.request(`${auth}/signin?site=shop&${query}`)
      check(form, asked)
    }
    for (const value of evil(shop).slice(0, 6)) {
      const { returnTo } = await enter(stage, browser, undefined, { site: 'shop', return_to: value })
      t.true(isHome(returnTo, stage), returnTo)
    }
    const honest = await browser.request(
      `${auth}/signin?site=shop&return_to=${encodeURIComponent('/cart?a=1#top')}`,
    )
    t.is(honest.headers.location, `${shop}/api/signin?return_to=%2Fcart%3Fa%3D1%23top`)
  },
)

stages.each(
  'R2 loops: a client that keeps no cookies sees two bounces at most, then a page that says so',
  async (t, stage) => {
    const { auth, shop } = stage
    const keeper = await enteredBrowser(stage)
    const cookie = `carnet=${keeper.cookie(auth, 'carnet')}`
    const loser = new Browser({ cookies: false })
    const replies: Reply[] = []
    for (let next: string | undefined = `${shop}/members`; next !== undefined && replies.length < 20; ) {
      const reply: Reply = await loser.request(next, { headers: next.startsWith(auth) ? { cookie } : {} })
      replies.push(reply)
      next = reply.headers.location
    }
    t.is(replies.filter(({ url }) => url.startsWith(`${auth}/authorize`)).length, 2)
    t.is(replies.at(-1)?.status, 403)
    t.regex(replies.at(-1)?.body ?? '', /blocks cookies/)
    t.true((await loser.visit(`${shop}/members`)).url.startsWith(`${auth}/signin`))
  },
)
