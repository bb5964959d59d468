import { createAuthService, guardedServer } from '@carnet/auth-service'
import { Browser, type Reply } from '@carnet/demo/browser'
import { fixedManifest, MemoryStore, parseManifest, parseSecrets } from '@carnet/protocol'
import test, { type ExecutionContext } from 'ava'
import { pino } from 'pino'
import { listening, shut } from '../support/listening.ts'
import { type RawAnswer, rawExchange } from '../support/raw.ts'
import { signedIn, startWorld } from '../support/world.ts'

const world = await startWorld()
const { auth, shop, news } = world
test.after.always(() => world.close())

const port = Number(new URL(auth).port)
const { host } = new URL(auth)

const PAGES = [
  '/',
  '/signin',
  '/signin?site=shop&return_to=/members',
  '/signin?site=nobody',
  '/signup',
  '/signout',
  '/verify-email',
  '/verify-email?token=x',
  '/password/forgot',
  '/password/reset?token=x',
  '/account',
  '/account/email',
  '/account/password',
  '/account/sessions',
  '/account/export',
  '/account/delete',
  '/language?to=nn',
  '/language?to=en',
  '/dev/mail',
  '/authorize',
  '/authorize?site=shop&state=x',
  '/authorize?site=shop&state=x&state=y',
  '/help',
  '/healthz',
  '/readyz',
  '/no/such/page',
  '/%ff',
  '//evil.example/',
]

/** Nothing inline runs without a nonce, nothing frames it, nobody keeps it, no other origin reads it. */
function guarded(t: ExecutionContext, reply: Reply, what: string): void {
  const { headers } = reply
  const policy = String(headers['content-security-policy'])
  t.true(policy.includes("default-src 'none'"), `${what}: ${policy}`)
  t.true(policy.includes("frame-ancestors 'none'"), `${what}: ${policy}`)
  t.notRegex(policy, /unsafe|\*|https?:(\s|;|$)/, what)
  t.is(headers['cache-control'], 'no-store', what)
  t.is(headers['x-content-type-options'], 'nosniff', what)
  t.regex(String(headers['referrer-policy']), /^(same-origin|no-referrer)$/, what)
  t.deepEqual(
    Object.keys(headers).filter(name => name.startsWith('access-control-')),
    [],
    what,
  )
  t.is(headers['x-powered-by'], undefined)
  if (!String(headers['content-type']).startsWith('text/html')) return
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1]
  for (const [tag, attributes = ''] of reply.body.matchAll(/<(?:script|style)\b([^>]*)>/g)) {
    t.true(nonce !== undefined && attributes.includes(`nonce="${nonce}"`), `${what}: ${tag}`)
  }
  t.notRegex(reply.body, /<[^>]+\s(?:on\w+|style)=/i, what)
}

test('script injection, framing, caching: every page and every refusal of the service is guarded', async t => {
  const browsers = { nobody: new Browser(), ada: await signedIn(world) }
  const nonces: string[] = []
  for (const [who, browser] of Object.entries(browsers)) {
    for (const path of PAGES) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
        // A sign-out would end what is looked at.
        if (method === 'POST' && path === '/signout') continue
        const reply = await browser.request(auth + path, { method })
        guarded(t, reply, `${who}: ${method} ${path}`)
        t.true(reply.status < 500, `${who}: ${method} ${path}: ${reply.status}`)
        nonces.push(...(/'nonce-([^']+)'/.exec(String(reply.headers['content-security-policy'])) ?? []))
      }
    }
  }
  const made = nonces.filter(nonce => !nonce.startsWith("'"))
  t.is(new Set(made).size, made.length, 'a nonce is good for one answer')
  const fanOut = await browsers.nobody.submit(`${auth}/signin`, '/signin', {
    email: 'ada@example.com',
    password: 'correct horse battery staple',
  })
  t.is(fanOut.status, 200)
  guarded(t, fanOut, 'the page that fans out')
})

test('script injection, framing, caching: every answer of an agent is guarded', async t => {
  const browser = await signedIn(world)
  for (const site of [shop, news]) {
    for (const path of [
      '/api/auth.gif',
      '/api/auth.gif?ticket=x',
      '/api/auth.gif?error=x&state=y',
      '/api/auth',
      '/api/auth?ticket=x&state=y~2',
      '/api/signin',
      '/api/signin?max_age=x',
      '/api/session',
      '/api/signout',
    ]) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'TRACE']) {
        const reply = await browser.request(site + path, {
          method,
          headers: { origin: 'http://evil.example' },
        })
        guarded(t, reply, `${method} ${site}${path}`)
        t.true(reply.status < 500)
      }
    }
  }
})

test('a method that a path does not know is 405 and names those it does; an unknown path is 404; before any is asked where it started', async t => {
  const browser = new Browser()
  const cases: [string, string, number, string?][] = [
    ['PUT', '/signin', 405, 'GET, HEAD, POST'],
    ['DELETE', '/account/sessions', 405, 'GET, HEAD, POST'],
    ['TRACE', '/', 405, 'GET, HEAD'],
    ['POST', '/', 405, 'GET, HEAD'],
    ['PUT', '/authorize', 405, 'GET, HEAD, POST'],
    ['POST', '/language', 405, 'GET, HEAD'],
    ['POST', '/readyz', 405, 'GET, HEAD'],
    ['GET', '/account/profile', 405, 'POST'],
    ['HEAD', '/account/profile', 405, 'POST'],
    ['OPTIONS', '/signin', 405, 'GET, HEAD, POST'],
    ['OPTIONS', '/nowhere', 404],
    ['PUT', '/nowhere', 404],
    ['POST', '/nowhere', 404],
    ['POST', '/signin', 403],
  ]
  for (const [method, path, status, allow] of cases) {
    const reply = await browser.request(auth + path, { method })
    t.is(reply.status, status, `${method} ${path}`)
    t.is(reply.headers.allow, allow, `${method} ${path}`)
    const code = { 403: 'csrf', 404: 'not_found', 405: 'method_not_allowed' }[status]
    t.is(reply.headers['carnet-error'], code, `${method} ${path}`)
  }
})

test('HSTS is sent over https only', async t => {
  t.is((await new Browser().request(`${auth}/signin`)).headers['strict-transport-security'], undefined)
  const yaml = 'auth: https://auth.example\nsites: [{ id: shop, origin: "https://shop.example" }]\n'
  const service = await createAuthService({
    manifest: fixedManifest(parseManifest(yaml, 'test')),
    store: new MemoryStore(),
    databaseUrl: 'sqlite::memory:',
    secrets: parseSecrets('s'.repeat(32)),
    log: pino({ level: 'silent' }),
  })
  const server = guardedServer(service.app.callback())
  const at = await listening(server)
  t.teardown(async () => {
    await shut(server)
    await service.close()
  })
  for (const path of ['/signin', '/nowhere', '/healthz']) {
    const { headers } = await new Browser().request(`http://localhost:${at}${path}`)
    t.is(headers['strict-transport-security'], 'max-age=31536000')
  }
})

function guardedBelow(t: ExecutionContext, answer: RawAnswer, status: number, what: string): void {
  t.is(answer.status, status, what)
  t.true(answer.headers.get('content-security-policy')?.includes("default-src 'none'"), what)
  t.is(answer.headers.get('cache-control'), 'no-store', what)
  t.is(answer.headers.get('x-content-type-options'), 'nosniff', what)
  t.is(answer.headers.get('connection'), 'close', what)
  t.is(Number(answer.headers.get('content-length')), answer.text.length, what)
}

test('what Node refuses by itself, before any page has its say, is guarded as well', async t => {
  const head = `Host: ${host}\r\n`
  const cases: [string, string, number][] = [
    ['no request at all', 'hello\r\n\r\n', 400],
    ['an unknown method', `BREW / HTTP/1.1\r\n${head}\r\n`, 400],
    ['a header without a name', `GET / HTTP/1.1\r\n${head}: x\r\n\r\n`, 400],
    ['NUL in a header', `GET / HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`, 400],
    ['a folded Host', `GET / HTTP/1.1\r\nHost:\r\n evil.example\r\n\r\n`, 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `GET / HTTP/1.1\r\n${head}Host: evil.example\r\n\r\n`, 400],
    [
      'two lengths (request smuggling)',
      `POST /signin HTTP/1.1\r\n${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'two lengths that differ',
      `POST /signin HTTP/1.1\r\n${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      400,
    ],
    ['a header of 100 kB', `GET / HTTP/1.1\r\n${head}X: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a path of 100 kB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${head}\r\n`, 431],
    ['20,000 headers', `GET / HTTP/1.1\r\n${head}${'a: b\r\n'.repeat(20_000)}\r\n`, 431],
    [
      'a chunk with 100 kB beside it',
      `POST /signin HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nOrigin: ${auth}\r\nContent-Type: application/json\r\n\r\n5;${'x'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`,
      413,
    ],
    ['an expectation that nobody meets', `GET / HTTP/1.1\r\n${head}Expect: 200-maybe\r\n\r\n`, 417],
    ['a tunnel', `CONNECT evil.example:443 HTTP/1.1\r\n${head}\r\n`, 405],
  ]
  for (const [what, bytes, status] of cases) guardedBelow(t, await rawExchange(port, [bytes]), status, what)
})

test('a target that is no address is refused by the app itself, guarded', async t => {
  const answer = await rawExchange(port, [
    `GET http://[ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  ])
  t.is(answer.status, 400)
  t.true(answer.headers.get('content-security-policy')?.includes("default-src 'none'"))
  t.is(answer.headers.get('cache-control'), 'no-store')
})

test('an answer under way is never followed by a refusal that would be taken for a part of it', async t => {
  let written = () => {}
  const half = new Promise<void>(resolve => {
    written = resolve
  })
  const server = guardedServer((_req, res) => {
    res.writeHead(200, { 'Content-Length': '100' })
    res.write('half an answer', () => written())
  })
  const at = await listening(server)
  t.teardown(() => shut(server))
  async function* pieces() {
    yield 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
    await half
    yield 'nonsense\r\n\r\n'
  }
  const answer = await rawExchange(at, pieces())
  t.is(answer.status, 200)
  t.is(answer.text, 'half an answer')
})
