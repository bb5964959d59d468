import type { Server } from 'node:http'
import { guardedServer } from '@carnet/auth-service'
import { Browser } from '@carnet/demo/browser'
import { clientOf, ProxyNotice, parseTrustProxy } from '@carnet/protocol'
import { carnet } from '@carnet/site-agent/node'
import test from 'ava'
import { pino } from 'pino'
import { jsonOf, mailedLink, signUp } from '../support/accounts.ts'
import { listening, shut } from '../support/listening.ts'
import { askAt } from '../support/raw.ts'
import { startWorld, type World } from '../support/world.ts'

const TRUST = '127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48'
const worlds = {
  'no proxy': await startWorld(),
  proxies: await startWorld({ trustProxy: TRUST }),
}
type Which = keyof typeof worlds

const servers: Server[] = []

/** Ports of the service and of the push site's agent, by the address that they listen at. */
async function open(world: World, address: string): Promise<{ auth: number; news: number }> {
  const auth = guardedServer(world.service.app.callback())
  const agent = world.agents['news']
  if (agent === undefined) throw new Error('There is no news.')
  const gate = carnet(agent)
  const news = guardedServer(async (req, res) => {
    if (!(await gate(req, res))) res.end()
  })
  servers.push(auth, news)
  return { auth: await listening(auth, address), news: await listening(news, address) }
}

const LISTENERS = ['127.0.0.1', '::1', '::'] as const
type Listener = (typeof LISTENERS)[number]
const doors = {} as Record<Which, Record<Listener, { auth: number; news: number }>>
for (const which of Object.keys(worlds) as Which[]) {
  doors[which] = {} as Record<Listener, { auth: number; news: number }>
  for (const listener of LISTENERS) doors[which][listener] = await open(worlds[which], listener)
}

test.after.always(async () => {
  for (const server of servers) await shut(server)
  for (const world of Object.values(worlds)) await world.close()
})

/** How a request comes: from an address of this machine, to a listener, with what headers. */
interface Way {
  readonly from: '127.0.0.1' | '::1'
  /** Default: the listener of that address alone; `::` takes both families, and sees `::ffff:127.0.0.1`. */
  readonly to?: '::'
  readonly headers?: Record<string, string>
}

async function issue(which: Which, way: Way): Promise<string | null> {
  const port = doors[which][way.to ?? way.from].auth
  const { host } = new URL(worlds[which].auth)
  const body = { email: 'ada@example.com', password: 'correct horse battery staple', site: 'news' }
  const reply = await askAt({ address: way.from, port }, host, '/signin', {
    body,
    headers: { accept: 'application/json', ...way.headers },
  })
  if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`)
  return (JSON.parse(reply.text) as { data: { ticket: string | null } }).data.ticket
}

async function redeem(which: Which, ticket: string, way: Way): Promise<string> {
  const port = doors[which][way.to ?? way.from].news
  const { host } = new URL(worlds[which].news)
  const reply = await askAt({ address: way.from, port }, host, `/api/auth.gif?ticket=${ticket}`, {
    headers: way.headers ?? {},
  })
  if (reply.status !== 200 && reply.cookies.length > 0) throw new Error('A refusal sets cookies.')
  return reply.headers.get('carnet-error') ?? (reply.cookies.length === 1 ? 'in' : String(reply.status))
}

const v4: Way = { from: '127.0.0.1' }
const mapped: Way = { from: '127.0.0.1', to: '::' }
const v6: Way = { from: '::1' }
const dual6: Way = { from: '::1', to: '::' }
const xff = (value: string, way: Way = v4): Way => ({ ...way, headers: { 'x-forwarded-for': value } })
const A = '203.0.113.5'
const SIX = '2001:db8::5'

const CASES: [string, Which, Way, Way | null, string][] = [
  ['IPv4', 'no proxy', v4, v4, 'in'],
  ['IPv6', 'no proxy', v6, v6, 'in'],
  ['IPv4 at a dual-stack socket is IPv4', 'no proxy', mapped, v4, 'in'],
  ['IPv4, then mapped', 'no proxy', v4, mapped, 'in'],
  ['IPv6 at a dual-stack socket', 'no proxy', dual6, v6, 'in'],
  ['IPv4, then IPv6', 'no proxy', v4, v6, 'ticket_wrong_client'],
  ['mapped IPv4, then IPv6', 'no proxy', mapped, dual6, 'ticket_wrong_client'],
  ['a forged X-Forwarded-For at the sign-in', 'no proxy', xff(A), null, ''],
  ['a forged X-Forwarded-For over IPv6', 'no proxy', xff(A, v6), null, ''],
  ['a forged X-Forwarded-For, mapped', 'no proxy', xff(A, mapped), null, ''],
  [
    'a forged X-Forwarded-For with the right address',
    'no proxy',
    v4,
    xff('127.0.0.1'),
    'ticket_wrong_client',
  ],
  ['the same over IPv6', 'no proxy', v6, xff('::1', v6), 'ticket_wrong_client'],
  ['an empty X-Forwarded-For', 'no proxy', xff(''), null, ''],
  ['Forwarded', 'no proxy', { ...v4, headers: { forwarded: `for=${A}` } }, null, ''],
  ['Via', 'no proxy', v4, { ...v4, headers: { via: '1.1 somebody' } }, 'ticket_wrong_client'],
  ['X-Real-IP', 'no proxy', { ...v4, headers: { 'x-real-ip': A } }, null, ''],
  ['CF-Connecting-IP', 'no proxy', { ...v4, headers: { 'cf-connecting-ip': A } }, null, ''],

  ['one trusted proxy', 'proxies', xff(A), xff(A), 'in'],
  ['one trusted proxy at a dual-stack socket', 'proxies', xff(A, mapped), xff(A), 'in'],
  ['other clients of one proxy', 'proxies', xff(A), xff('203.0.113.6'), 'ticket_wrong_client'],
  ['what the client wrote stands left', 'proxies', xff(A), xff(`${A}, 198.51.100.9`), 'ticket_wrong_client'],
  ['what the client wrote changes nothing', 'proxies', xff(A), xff(`1.1.1.1, nonsense, ${A}`), 'in'],
  ['a client that names the proxy itself', 'proxies', xff(A), xff(`10.1.1.1, ${A}`), 'in'],
  [
    'a chain of trusted proxies',
    'proxies',
    xff(`${A}, 10.1.2.3`),
    xff(`6.6.6.6, ${A}, 10.9.9.9, 10.1.2.3`),
    'in',
  ],
  [
    'a chain with one that is not trusted',
    'proxies',
    xff(A),
    xff(`${A}, 198.51.100.9, 10.1.2.3`),
    'ticket_wrong_client',
  ],
  ['a port', 'proxies', xff(`${A}:5678`), xff(A), 'in'],
  ['a port at a proxy within the chain', 'proxies', xff(`${A}:1, 10.1.2.3:8080`), xff(A), 'in'],
  [
    'others behind that proxy',
    'proxies',
    xff(`${A}:1, 10.1.2.3:8080`),
    xff('203.0.113.6:1, 10.1.2.3:8080'),
    'ticket_wrong_client',
  ],
  ['IPv6 in brackets', 'proxies', xff(`[${SIX}]:443`), xff(SIX), 'in'],
  ['IPv6 in another spelling', 'proxies', xff('2001:DB8:0::0005'), xff(SIX), 'in'],
  ['a chain over IPv6', 'proxies', xff(`${SIX}, 2001:db8:ffff::1`), xff(SIX), 'in'],
  ['a mapped address', 'proxies', xff(`::ffff:${A}`), xff(A), 'in'],
  ['a mapped proxy', 'proxies', xff(`${A}, ::ffff:10.1.2.3`), xff(A), 'in'],
  ['a proxy that names nobody', 'proxies', v4, null, ''],
  ['a proxy that speaks RFC 7239 alone', 'proxies', { ...v4, headers: { forwarded: `for=${A}` } }, null, ''],
  ['a peer that is no proxy', 'proxies', xff(A, v6), null, ''],
  ['a peer that is no proxy, at the site', 'proxies', xff('::1'), xff('::1', v6), 'ticket_wrong_client'],
  ...[
    'unknown',
    '_hidden',
    '',
    ',',
    ', ,',
    'localhost',
    '1.2.3',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '1.2.3.4.5:1',
    `${A}:99999999`,
    `[${SIX}`,
    `${SIX}]:443`,
    '::ffff:999.1.1.1',
    '"203.0.113.5"',
    'for=203.0.113.5',
    `${A} ${A}`,
    'x'.repeat(8_000),
    `${A}, `,
  ].map((garbage): [string, Which, Way, Way | null, string] => [
    `garbage ${JSON.stringify(garbage.slice(0, 24))}`,
    'proxies',
    xff(garbage),
    null,
    '',
  ]),
]
for (const [name, which, at, then, expected] of CASES) {
  test(`forged addresses, ${which}: ${name}: ${then === null ? 'no ticket is pushed' : expected}`, async t => {
    const ticket = await issue(which, at)
    if (then === null || ticket === null) {
      t.is(ticket, null)
      t.is(then, null, 'no ticket was issued')
      return
    }
    t.is(await redeem(which, ticket, then), expected)
    t.is(await redeem(which, ticket, at), 'ticket_unknown', 'spent, however it was shown')
  })
}

test('of several X-Forwarded-For headers the last word is the proxy’s', t => {
  const trust = parseTrustProxy('10.0.0.0/8')
  const address = (value: string[]) =>
    clientOf({ peer: '10.0.0.1', headers: { 'x-forwarded-for': value } }, trust).address
  t.is(address(['6.6.6.6', A]), A)
  t.is(address([A, '10.0.0.2']), A)
})

test('X-Forwarded-Host, X-Forwarded-Proto and Host change no address, link or cookie', async t => {
  for (const which of Object.keys(worlds) as Which[]) {
    const world = worlds[which]
    const evil = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '444',
      'x-forwarded-for': A,
      forwarded: `for=${A};host=evil.example;proto=https`,
      host: 'evil.example',
    }
    const browser = new Browser()
    for (const path of [
      '/',
      '/signin?site=shop&return_to=/x',
      '/authorize?site=shop&state=x',
      '/authorize?site=shop&state=x&prompt=none',
      '/account',
      '/language?to=en&return_to=/signin',
    ]) {
      const reply = await browser.request(world.auth + path, { headers: evil })
      t.false(JSON.stringify([reply.headers, reply.body]).includes('evil.example'), path)
      t.notRegex(String(reply.headers.location ?? ''), /^(https:|\/\/|http:\/\/evil)/)
      t.false(
        reply.cookies.some(cookie => /secure/i.test(cookie)),
        'Secure comes from the configured origin',
      )
      t.is(reply.headers['strict-transport-security'], undefined)
    }
    for (const path of ['/api/signin', '/members', '/api/auth.gif']) {
      const reply = await browser.request(world.shop + path, { headers: evil })
      t.true(reply.headers.location?.startsWith(`${world.auth}/authorize`), path)
    }
    const address = `${which.replace(' ', '-')}@example.com`
    const reply = await signUp(world, new Browser(), address, {})
    t.is(reply.status, 200)
    const forged = await new Browser().request(`${world.auth}/password/forgot`, {
      method: 'POST',
      headers: { ...evil, 'content-type': 'application/json' },
      body: JSON.stringify({ email: address }),
    })
    t.is(forged.status, 200)
    t.true((await mailedLink(world, address, '/password/reset')).startsWith(world.auth))
  }
})

test('forwarding headers from a peer that is not trusted are told at /readyz and in the log, once, and take nothing out of service', async t => {
  const lines: { msg?: string; peer?: string; site?: string }[] = []
  const log = pino({ level: 'warn' }, { write: line => void lines.push(JSON.parse(line)) })
  const world = await startWorld({ log })
  t.teardown(() => world.close())
  const ready = async (headers = {}) => {
    const reply = await new Browser().request(`${world.auth}/readyz`, { headers })
    return { status: reply.status, ...jsonOf(reply).data }
  }
  t.deepEqual(await ready(), { status: 200, store: 'ok', database: 'ok' })
  for (let count = 0; count < 5; count++) {
    await new Browser().request(`${world.auth}/signin`, { headers: { 'x-forwarded-for': A } })
  }
  const told = (await ready()) as { status: number; proxy?: string; hint?: string }
  t.is(told.status, 200)
  t.is(told.proxy, 'untrusted')
  t.true(told.hint?.includes('127.0.0.1') && told.hint.includes('CARNET_TRUST_PROXY'))
  for (let count = 0; count < 3; count++) {
    const url = `${world.news}/api/auth.gif?ticket=news.${'x'.repeat(8)}.${'x'.repeat(24)}`
    await new Browser().request(url, { headers: { 'x-forwarded-for': A } })
  }
  t.deepEqual(
    lines.filter(({ msg }) => msg === 'proxy_untrusted').map(({ peer, site }) => [peer, site]),
    [
      ['127.0.0.1', undefined],
      ['127.0.0.1', 'news'],
    ],
  )
})

test('a proxy that is trusted is nothing to be told of', async t => {
  const world = await startWorld({ trustProxy: '127.0.0.1' })
  t.teardown(() => world.close())
  const headers = { 'x-forwarded-for': A, forwarded: `for=${A}`, via: '1.1 proxy' }
  await new Browser().request(`${world.auth}/signin`, { headers })
  const reply = await new Browser().request(`${world.auth}/readyz`, { headers })
  t.deepEqual(jsonOf(reply).data, { store: 'ok', database: 'ok' })
})

test('an untrusted proxy is told of once an hour, is forgotten after one, and a public address is named to nobody', t => {
  const told: string[] = []
  let now = 0
  const notice = new ProxyNotice(
    parseTrustProxy('10.0.0.1'),
    peer => told.push(peer),
    () => now,
  )
  const see = (peer: string, headers: Record<string, string> = { 'x-forwarded-for': A }) =>
    notice.see({ peer, headers })
  see('10.0.0.1')
  see('10.0.0.2', {})
  see('', { via: 'x' })
  t.is(notice.message, null)
  see('::ffff:10.0.0.2')
  see('10.0.0.3')
  t.deepEqual(told, ['10.0.0.2'])
  t.true(notice.message?.includes('10.0.0.3'))
  see('8.8.8.8')
  t.false(notice.message?.includes('8.8.8.8'))
  t.true(notice.message?.includes('public'))
  now = 3_599_999
  t.not(notice.message, null)
  now = 3_600_000
  t.is(notice.message, null)
  see('fd00::1')
  t.deepEqual(told, ['10.0.0.2', 'fd00::1'])
  t.true(notice.message?.includes('fd00::1'))
})
