// Tickets: replay, audience, login CSRF, leaks, late writes, unknown outcomes, faulty input.
import { Agent, get } from 'node:http'
import { Browser, type Reply } from '@carnet/demo/browser'
import { issueTickets } from '@carnet/protocol'
import test from 'ava'
import { clientAt } from '../support/people.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { startWorld, whoAt } from '../support/world.ts'
import {
  calls,
  enter,
  enteredBrowser,
  newPerson,
  pushedPixel,
  ready,
  setsSession,
  signInPage,
  signOutAt,
  startStages,
  wayBack,
} from './world.ts'

// As long as it may be: what is refused here is refused for another reason than its age.
const longLived = (yaml: string) => `${yaml}ticket: { ttl: 60s }\n`
const stages = await startStages({ adjust: longLived, overHttp: true })
test.after.always(() => stages.close())

/** What is longer than any request is answered 431, which its sender may not live to read. */
function cut(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error
  return null
}

const TICKET = /\b(?:shop|news|games)\.[\w-]{8}\.[\w-]{24}/

stages.each('T1 replay: of 40 parallel redemptions exactly one wins', async (t, stage) => {
  for (let round = 0; round < 5; round++) {
    const browser = new Browser()
    const shown = await atOnce(await pushedPixel(stage, browser), 40)
    t.is(shown.filter(answer => answer === '200 undefined').length, 1)
    t.is(shown.filter(answer => answer === '401 ticket_unknown').length, 39)
    const back = await wayBack(browser, stage.shop)
    const come = await Promise.all(Array.from({ length: 40 }, () => browser.request(back)))
    t.is(come.filter(setsSession).length, 1)
  }
})

/** Sends a request so many times in one moment, over connections that are open already; status and code of each answer. */
async function atOnce(url: string, times: number): Promise<string[]> {
  const { host, port, pathname, search } = new URL(url)
  const agent = new Agent({ keepAlive: true })
  const ask = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const headers = { host, 'user-agent': 'carnet-demo/1.0', 'sec-fetch-dest': 'image' }
      get({ agent, host: '127.0.0.1', port, path, headers }, answer => {
        answer.resume()
        answer.on('end', () => resolve(`${answer.statusCode} ${answer.headers['carnet-error']}`))
      }).on('error', reject)
    })
  const all = (path: string) => Promise.all(Array.from({ length: times }, () => ask(path)))
  await all('/api/session')
  const answers = await all(pathname + search)
  agent.destroy()
  return answers
}

stages.each(
  'T2 audience: a ticket opens the site that it was issued for, whatever a request names',
  async (t, stage) => {
    const { auth, shop, news, games } = stage
    const page = signInPage(stage)
    const browser = new Browser()
    const pixel = await pushedPixel(stage, browser)
    const elsewhere = pixel.replace(news, shop)
    const asNews = { host: new URL(news).host }
    for (const headers of [{}, asNews]) {
      const another = new Browser()
      const fresh = (await pushedPixel(stage, another)).replace(news, shop)
      const reply = await another.request(fresh, { page, headers })
      t.is(reply.headers['carnet-error'], 'ticket_wrong_site')
      t.deepEqual(reply.cookies, [])
      t.is(
        (await another.request(fresh.replace(shop, news), { page })).headers['carnet-error'],
        'ticket_unknown',
        'and is spent',
      )
    }
    const renamed = await browser.request(elsewhere.replace('ticket=news.', 'ticket=shop.'), { page })
    t.is(renamed.headers['carnet-error'], 'ticket_unknown')
    t.is(
      (await browser.request(pixel, { page })).status,
      200,
      'a name of its own making burns nobody’s ticket',
    )

    // Who runs the shop has the state of a bounce of his own at games, and sends a visitor of the shop for a ticket.
    const operator = new Browser()
    const begun = await operator.request(`${games}/api/signin`)
    const state = new URL(begun.headers.location ?? '').searchParams.get('state') ?? ''
    const visitor = await enteredBrowser(stage)
    const sent = await visitor.request(`${auth}/authorize?site=shop&state=${state}`)
    const taken = (sent.headers.location ?? '').replace(shop, games)
    const reply = await operator.request(taken)
    t.false(setsSession(reply))
    t.is(await whoAt(operator, games), 'signed_out')
  },
)

stages.each('T3 login CSRF: a ticket of somebody else’s signs no other browser in', async (t, stage) => {
  const { shop, games, news } = stage
  const page = signInPage(stage)
  const mallory = await newPerson(stage)
  const attacker = await enteredBrowser(stage, mallory)

  const nobody = new Browser()
  const back = await wayBack(attacker, shop)
  const reply = await nobody.request(back)
  t.is(reply.status, 303)
  t.false(setsSession(reply))
  t.is(await whoAt(nobody, shop), 'signed_out')
  t.false(setsSession(await attacker.request(back)), 'it was spent')

  const begun = await attacker.request(`${games}/api/auth.gif`, { page })
  const passed = await attacker.request(begun.headers.location ?? '', { page })
  const pulled = await new Browser().request(passed.headers.location ?? '', { page })
  t.is(pulled.headers['carnet-error'], 'state_mismatch')
  t.deepEqual(pulled.cookies, [])

  const victim = await enteredBrowser(stage, undefined, [shop, news])
  const forged = await victim.request(await wayBack(attacker, shop))
  t.false(setsSession(forged))
  t.is(await whoAt(victim, shop), 'ada@example.com')
  // A pushed ticket has no nonce: its claim never takes the place of another user's session.
  await victim.image(await pushedPixel(stage, attacker, mallory), 'http://evil.localhost:1/')
  await victim.visit(`${news}/`)
  t.is(await whoAt(victim, news), 'ada@example.com')
  t.is(victim.cookie(news, '__Host-carnet-claim'), null)
})

stages.each(
  'T4 leaks: no ticket leaves by a Referer, stays in an address, or stands in a log',
  async (t, stage) => {
    const { shop, news, games } = stage
    const page = signInPage(stage)
    const browser = new Browser()
    const replies: Reply[] = []
    const pixel = await pushedPixel(stage, browser)
    replies.push(await browser.request(pixel, { page }), await browser.request(pixel, { page }))
    replies.push(...(await browser.follow(`${shop}/members`)))
    replies.push(...(await browser.follow(`${games}/api/auth.gif`, { page })))
    const refused = await wayBack(await enteredBrowser(stage), shop)
    replies.push(...(await new Browser().follow(refused)))
    const shown = replies.filter(({ url }) => TICKET.test(url))
    t.true(shown.length >= 5, 'tickets were there to leak')
    for (const { headers, url, body } of shown) {
      t.is(headers['referrer-policy'], 'no-referrer', url)
      t.notRegex(headers.location ?? '', TICKET)
      t.notRegex(body, TICKET)
    }
    for (const { headers } of replies.filter(({ headers }) => TICKET.test(headers.location ?? '')))
      t.is(headers['referrer-policy'], 'no-referrer')
    t.is(replies.filter(({ url }) => url === `${shop}/members`).at(-1)?.status, 200)
    const logged = stage.logged()
    t.regex(logged, /ticket_redeemed/)
    t.regex(logged, /ticket_refused|request_refused/)
    t.notRegex(logged, TICKET)
    for (const site of [stage.auth, shop, news, games]) {
      const [sid] = (
        browser.cookie(site, 'carnet') ??
        browser.cookie(site, '__Host-carnet-claim') ??
        ''
      ).split('.')
      t.false(sid === undefined || sid === '' || logged.includes(sid), `the sid, by its cookie at ${site}`)
    }
  },
)

stages.onRedis(
  'T5 late ticket: what could not be sent is not sent later, and what arrives late is dead',
  async (t, stage) => {
    const proxy = await startTcpProxy(stage.redis.port)
    t.teardown(proxy.stop)
    const far = await startWorld({ store: `redis://127.0.0.1:${proxy.port}`, adjust: longLived })
    t.teardown(far.close)
    await ready(far)
    const browser = new Browser()
    const page = signInPage(far)
    const pixel = await pushedPixel(far, browser)
    const visitor = await enteredBrowser(far, undefined, [far.shop, far.news])

    // Shown at the wrong site while the store is away: the burning must not follow when it is back.
    await proxy.set('cut')
    const elsewhere = pixel.replace(far.news, far.shop)
    t.is((await browser.request(elsewhere, { page })).headers['carnet-error'], 'store_unavailable')
    await proxy.set('pass')
    await ready(far)
    for (const site of [far.shop, far.news])
      await until(async () => (await whoAt(visitor, site)) === 'ada@example.com')
    t.is((await browser.request(pixel, { page })).status, 200)

    const [sid = ''] = (browser.cookie(far.auth, 'carnet') ?? '').split('.')
    const asked = performance.now()
    await proxy.set('stall')
    const late = issueTickets(far.store, sid, clientAt('127.0.0.1'), [
      { site: 'news', ttl: 400, state: null },
    ])
    await t.throwsAsync(late, { code: 'store_unavailable' } as object)
    await until(() => performance.now() - asked > 450)
    await proxy.set('pass')
    // On one connection what was sent first is done first.
    await until(() => far.store.ping().then(() => true))
    const [tag] = sid.match(/^.{8}/) ?? []
    t.deepEqual(await stage.redis.ask('KEYS', `carnet:t:*{${tag}}*`), [])
  },
)

stages.onRedis(
  'T6 unknown outcome: a redeem is never repeated, a revoke is not acknowledged before it is',
  async (t, stage) => {
    const { news, shop, redis } = stage
    const page = signInPage(stage)
    const browser = await enteredBrowser(stage, undefined, [shop])
    const pixel = await pushedPixel(stage, browser)
    await browser.visit(`${shop}/members`)
    const before = await calls(stage, 'getdel')
    redis.freeze()
    const [shown, out] = await Promise.all([browser.request(pixel, { page }), signOutAt(browser, shop)])
    for (const reply of [shown, out]) {
      t.is(reply.headers['carnet-error'], 'store_unavailable')
      t.truthy(reply.headers['retry-after'])
      t.deepEqual(reply.cookies, [])
    }
    redis.thaw()
    await ready(stage)
    await until(async () => (await calls(stage, 'getdel')) > before)
    t.is(
      (await browser.request(pixel, { page })).headers['carnet-error'],
      'ticket_unknown',
      'it may have been spent, so it is',
    )
    t.is(await calls(stage, 'getdel'), before + 2)
    await until(async () => (await signOutAt(browser, shop)).status === 200)
    t.is(await whoAt(browser, shop), 'signed_out')
    t.is(browser.cookie(news, '__Host-carnet-claim'), null)
  },
)

stages.each(
  'T7 input: no odd request spends a ticket, and each is answered with a clear 4xx',
  async (t, stage) => {
    const { auth, shop, news } = stage
    const page = signInPage(stage)
    const browser = new Browser()
    const pixel = await pushedPixel(stage, browser)
    const odd: Promise<Reply>[] = [
      browser.request(pixel, { page, method: 'HEAD' }),
      browser.request(pixel, { page, method: 'OPTIONS' }),
      browser.request(pixel, { page, method: 'POST' }),
      browser.request(pixel, { page, headers: { 'sec-purpose': 'prefetch' } }),
      browser.request(pixel, { page, headers: { purpose: 'prefetch' } }),
      browser.request(`${pixel}&ticket=x`, { page }),
      browser.request(`${pixel}&state=a&state=b`, { page }),
    ]
    for (const { status, cookies } of await Promise.all(odd)) {
      t.true(status >= 400 && status < 500, String(status))
      t.deepEqual(cookies, [])
    }
    t.is((await browser.request(pixel, { page })).status, 200, 'it was not spent')

    const back = await wayBack(browser, shop)
    t.is((await browser.request(back, { method: 'HEAD' })).status, 405)
    t.is((await browser.request(back, { headers: { 'sec-purpose': 'prefetch' } })).status, 403)
    t.is((await browser.request(`${back}&ticket=x`)).status, 400)
    t.true(setsSession(await browser.request(back)))

    const values = [
      '',
      '%00',
      '%ff%fe',
      '%',
      '%zz',
      `news.aaaaaaaa.${'a'.repeat(24)}%00`,
      'x'.repeat(8_000),
      'x'.repeat(100_000),
      '..%2f..',
      '%F0%9F%8E%AB',
    ]
    for (const value of values) {
      for (const url of [
        `${news}/api/auth.gif?ticket=${value}`,
        `${news}/api/auth.gif?state=${value}&ticket=x`,
        `${shop}/api/auth?ticket=${value}&state=${value}~2`,
        `${auth}/authorize?site=shop&state=${value}`,
        `${auth}/authorize?site=${value}&state=x`,
        `${auth}/verify-email?token=${value}`,
      ]) {
        const reply = await new Browser().request(url).catch(cut)
        if (reply === null) continue
        const { status } = reply
        const goesOn = url.startsWith(`${auth}/authorize?site=shop`) && status === 303
        const asks = url === `${auth}/verify-email?token=` && status === 200
        t.true((status >= 400 && status < 500) || goesOn || asks, `${url.slice(0, 80)} answered ${status}`)
      }
    }
    t.is((await enter(stage, browser)).returnTo, `${auth}/`)
  },
)
