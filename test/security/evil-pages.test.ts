// Pages of a stranger, in browsers as people have them: three unrelated domains and the service over HTTPS, and one more.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ADA, type Part } from '@carnet/demo'
import { type Client, clientOf, issueTickets, normalizeAddress, parseTrustProxy } from '@carnet/protocol'
import test, { type ExecutionContext } from 'ava'
import { certificate, EVIL_HOST, startDomains } from '../support/domains.ts'
import { openChromium, openFirefox, type RealBrowser } from '../support/real-browser.ts'
import { until } from '../support/until.ts'
import type { World } from '../support/world.ts'
import { newPerson } from './world.ts'

interface Seen {
  readonly part: Part
  readonly method: string
  readonly path: string
  readonly query: string
  readonly cookies: string
  readonly from: Client
  status: number
}

interface Ground {
  readonly world: World
  readonly seen: Seen[]
  /** The stranger's origin, and what its pages are. */
  readonly evil: string
  readonly pages: Map<string, string>
  close(): Promise<void>
}

async function startGround(): Promise<Ground> {
  const seen: Seen[] = []
  const tap = (part: Part, req: IncomingMessage, res: ServerResponse) => {
    const [path = '', query = ''] = (req.url ?? '').split('?')
    const { cookie = '' } = req.headers
    const peer = normalizeAddress(req.socket.remoteAddress ?? '')
    const from = clientOf({ peer, headers: req.headers }, parseTrustProxy('none'))
    const entry: Seen = { part, method: req.method ?? '', path, query, cookies: cookie, from, status: 0 }
    seen.push(entry)
    res.once('finish', () => {
      entry.status = res.statusCode
    })
    // The control: a plain third-party cookie, with nothing of ours about it.
    if (path !== '/control.gif') return false
    res.setHeader('Set-Cookie', 'control=1; Path=/; Secure; SameSite=None').end()
    return true
  }
  const world = await startDomains({ tap })
  const pages = new Map<string, string>()
  const server: Server = createServer({ key: certificate.key, cert: certificate.cert }, (req, res) => {
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    res.end(pages.get(req.url ?? '') ?? '<!doctype html><title>nothing</title>')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const evil = `https://${EVIL_HOST}:${(server.address() as AddressInfo).port}`
  return {
    world,
    seen,
    evil,
    pages,
    async close() {
      server.closeAllConnections()
      server.close()
      await world.close()
    },
  }
}

/** A page that does some things and says so when they are done. */
const script = (work: string) => `<!doctype html><meta charset="utf-8"><title>evil</title><body><script>
const image = url => new Promise(done => { const i = new Image(); i.onload = i.onerror = () => done('image'); i.src = url })
const tell = told => { const p = document.createElement('p'); p.id = 'done'; p.textContent = JSON.stringify(told); document.body.append(p) }
;(async () => tell(await (async () => {${work}})()))()
</script></body>`

/** A page that sends a form by itself. */
const form = (action: string, fields: Record<string, string>, enctype: string) =>
  `<!doctype html><title>evil</title><form method="post" action="${action}" enctype="${enctype}">${Object.entries(
    fields,
  )
    .map(([name, value]) => `<input type="hidden" name='${name}' value='${value}'>`)
    .join('')}</form><script>document.forms[0].submit()</script>`

const BROWSERS: { name: string; thirdPartyCookies: boolean; open: () => Promise<RealBrowser> }[] = [
  {
    name: 'Chromium, third-party cookies allowed',
    thirdPartyCookies: true,
    open: () => openChromium(certificate, { thirdPartyCookies: true }),
  },
  { name: 'Firefox', thirdPartyCookies: false, open: openFirefox },
]

async function signIn(t: ExecutionContext, browser: RealBrowser, { auth, shop }: World): Promise<void> {
  await browser.goto(`${shop}/members`)
  await browser.fill('#email', ADA.email)
  await browser.fill('#password', ADA.password)
  await browser.click('button', `${shop}/members`)
  t.is(await browser.text('#state'), 'Signed in as Ada', auth)
}

for (const { name, thirdPartyCookies, open } of BROWSERS) {
  test.serial(
    `B5 evil pages: nothing that a stranger’s page loads, posts or opens does or tells anything (${name})`,
    async t => {
      const ground = await startGround()
      const { world, seen, evil, pages } = ground
      const { auth, shop, news, games, store } = world
      const browser = await open()
      try {
        await signIn(t, browser, world)
        // A pushed ticket has nothing but the client to be told by: it never takes the place of a live session.
        await browser.goto(`${news}/members`)
        t.is(await browser.text('#state'), 'Signed in as Ada')
        const victim = seen.findLast(({ path }) => path === '/members')?.from as Client
        // An attacker who knows all that can be known: tickets of his own session, issued to the victim's very client.
        const mallory = await newPerson(world)
        const account = await world.service.users.find({ id: mallory.id })
        if (account === null) throw new Error('There is no such person.')
        const sid = await world.service.sessions.begin(account, {
          client: victim,
          userAgentHeader: '',
          series: null,
        })
        const state = 's'.repeat(43)
        const request = (site: string, bound: boolean) => ({ site, ttl: 60_000, state: bound ? state : null })
        const [pulled, pushed, bounced] = await issueTickets(store, sid, victim, [
          request('games', true),
          request('news', false),
          request('shop', true),
        ])

        const before = seen.length
        pages.set(
          '/loads',
          script(`
          const read = []
          const secret = url => fetch(url, { credentials: 'include' }).then(r => r.text()).then(text => read.push(text), () => {})
          const blind = (url, body) => fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body }).catch(() => {})
          await image('${shop}/control.gif')
          await image('${games}/api/auth.gif?ticket=${pulled}&state=${state}')
          await image('${news}/api/auth.gif?ticket=${pushed}')
          await image('${games}/api/auth.gif')
          await secret('${auth}/account')
          await secret('${shop}/api/session')
          await blind('${shop}/api/signout', '{}')
          await blind('${auth}/signout', new URLSearchParams())
          await blind('${auth}/account/delete', '{}')
          await blind('${auth}/account/sessions', new URLSearchParams({ end: 'everywhere' }))
          await fetch('${auth}/signout', { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{}' }).catch(() => {})
          return read`),
        )
        await browser.goto(`${evil}/loads`)
        t.is(await browser.text('#done'), '[]', 'nothing could be read')
        const loads = seen.slice(before)
        const answer = (part: Part, path: string, method = 'POST') =>
          loads.find(one => one.part === part && one.path === path && one.method === method)?.status
        t.is(answer('shop', '/api/signout'), 403)
        t.is(answer('auth', '/signout'), 403)
        t.is(answer('auth', '/account/delete'), 403)
        t.is(answer('auth', '/account/sessions'), 403)
        t.true((answer('auth', '/signout', 'OPTIONS') ?? 0) >= 400, 'the preflight gets no leave')
        const tickets = loads.filter(({ query }) => query.includes('ticket='))
        t.true(tickets.length >= 2, 'the attacker’s tickets were shown')
        t.is(tickets.find(({ part }) => part === 'games')?.status, 403)
        t.false(
          tickets.some(({ query }) => !query.includes(pulled ?? '?') && !query.includes(pushed ?? '?')),
          'and no others were issued',
        )

        for (const [index, [action, fields, enctype]] of Object.entries([
          [
            `${auth}/signin`,
            { email: mallory.email, password: mallory.password },
            'application/x-www-form-urlencoded',
          ],
          [
            `${auth}/signin`,
            { [`{"email":"${mallory.email}","password":"${mallory.password}","site":"`]: '"}' },
            'text/plain',
          ],
          [`${auth}/signout`, {}, 'application/x-www-form-urlencoded'],
          [`${auth}/account/delete`, {}, 'multipart/form-data'],
          [`${shop}/api/signout`, {}, 'application/x-www-form-urlencoded'],
          [`${shop}/api/signout`, { '{"a":"': '"}' }, 'text/plain'],
        ] as [string, Record<string, string>, string][])) {
          const from = seen.length
          const { pathname } = new URL(action)
          pages.set(`/form-${index}`, form(action, fields, enctype))
          await browser.goto(`${evil}/form-${index}`).catch(() => {})
          const posted = () =>
            seen.slice(from).find(({ method, path }) => method === 'POST' && path === pathname)
          await until(() => (posted()?.status ?? 0) > 0)
          t.is(posted()?.status, 403, `${action} ${enctype}`)
        }

        // A claim comes along with a stranger's form, and opens nothing.
        const posts = seen.length
        pages.set('/members', form(`${games}/members`, {}, 'application/x-www-form-urlencoded'))
        await browser.goto(`${evil}/members`).catch(() => {})
        const claimed = () =>
          seen.slice(posts).find(({ part, method }) => part === 'games' && method === 'POST')
        await until(() => (claimed()?.status ?? 0) > 0)
        t.is(
          claimed()?.cookies.includes('__Host-carnet-claim='),
          thirdPartyCookies,
          'the control of this case',
        )
        t.is(claimed()?.status, 303)

        // The attacker's way back as an address: refused, and the live session stays.
        await browser.goto(`${shop}/api/auth?ticket=${bounced}&state=${state}`)
        await browser.goto(`${shop}/members`)
        t.is(await browser.text('#state'), 'Signed in as Ada')
        for (const site of [news, games]) {
          await browser.goto(`${site}/members`)
          t.is(await browser.text('#state'), 'Signed in as Ada', site)
        }
        t.is(
          seen
            .findLast(({ part, path }) => part === 'shop' && path === '/members')
            ?.cookies.includes('control=1'),
          thirdPartyCookies,
          'the control cookie',
        )
        t.not(await world.service.users.find({ email: ADA.email }), null)

        if ('page' in browser)
          await framesAndCookies(t, browser as Awaited<ReturnType<typeof openChromium>>, ground)
      } finally {
        await browser.close()
        await ground.close()
      }
    },
  )
}

/** What only Chromium's driver tells: no page of ours shows in a stranger's frame, and what each cookie may do. */
async function framesAndCookies(
  t: ExecutionContext,
  { page }: Awaited<ReturnType<typeof openChromium>>,
  { world: { auth, shop }, evil, pages }: Ground,
): Promise<void> {
  const framed = [`${auth}/signin`, `${auth}/account`, `${auth}/nowhere`, `${shop}/api/auth?error=x`]
  pages.set(
    '/frames',
    `<!doctype html><title>evil</title>${framed.map(url => `<iframe src="${url}"></iframe>`).join('')}`,
  )
  await page.goto(`${evil}/frames`)
  const shown = page
    .frames()
    .slice(1)
    .map(frame => frame.url())
  t.is(shown.length, framed.length)
  t.deepEqual(
    shown.filter(url => url.startsWith(auth)),
    [],
  )

  const cookies = (await page.context().cookies()).filter(({ name }) => name.includes('carnet'))
  t.true(cookies.length >= 4)
  for (const { name, secure, httpOnly, sameSite, path, domain } of cookies) {
    t.regex(name, /^__Host-carnet/)
    const expected = /-(claim|pull)/.test(name) ? 'None' : 'Lax'
    t.deepEqual(
      { secure, httpOnly, path, sameSite },
      { secure: true, httpOnly: true, path: '/', sameSite: expected },
      name,
    )
    t.false(domain.startsWith('.'), name)
  }
}
