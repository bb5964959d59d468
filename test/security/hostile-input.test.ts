import { Browser, type Reply } from '@carnet/demo/browser'
import test, { type ExecutionContext } from 'ava'
import { startBothWorlds } from '../support/both-worlds.ts'
import { rawExchange } from '../support/raw.ts'
import { unlimited } from '../support/unlimited.ts'
import { postJson, signedIn, signInJson, type World } from '../support/world.ts'

const both = await startBothWorlds()
for (const world of Object.values(both.worlds)) unlimited(world)
test.after.always(() => both.close())

/** What forms take, by their path; those of the account ask for a session. */
const FORMS: Record<string, Record<string, unknown>> = {
  '/signin': {
    email: 'ada@example.com',
    password: 'x',
    remember: true,
    site: 'shop',
    return_to: '/x',
    form_token: 'x',
  },
  '/signup': {
    name: 'N',
    email: 'new@example.com',
    password: 'short',
    passwordAgain: 'short',
    site: 'shop',
    return_to: '/x',
    form_token: 'x',
  },
  '/signout': { site: 'shop', return_to: '/x', form_token: 'x' },
  '/verify-email': { token: 'x', password: 'x', deny: false, form_token: 'x' },
  '/verify-email/resend': { email: 'ada@example.com', form_token: 'x' },
  '/password/forgot': { email: 'ada@example.com', form_token: 'x' },
  '/password/reset': { token: 'x', password: 'x', passwordAgain: 'x', form_token: 'x' },
  '/account/profile': { name: 'Ada', form_token: 'x' },
  '/account/email': { email: 'ada@example.com', form_token: 'x' },
  '/account/password': { password: 'x', passwordAgain: 'x', form_token: 'x' },
  '/authorize?site=shop&state=s': { user: 'x', form_token: 'x' },
  '/account/sessions': { end: 'x', form_token: 'x' },
}

const QUERIES: Record<string, readonly string[]> = {
  '/signin': ['site', 'return_to', 'max_age', 'x'],
  '/signup': ['site', 'return_to'],
  '/signout': ['site', 'return_to'],
  '/authorize': ['site', 'state', 'prompt', 'mode', 'max_age', 'origin'],
  '/verify-email': ['token'],
  '/password/reset': ['token'],
  '/language': ['to', 'return_to'],
  '/dev/mail': ['x'],
}

const AGENT_QUERIES: Record<string, readonly string[]> = {
  '/api/auth.gif': ['ticket', 'state', 'error'],
  '/api/auth': ['ticket', 'state', 'error'],
  '/api/signin': ['return_to', 'prompt', 'max_age'],
  '/api/session': ['x'],
  '/members': ['x'],
}

const STRINGS: Record<string, string> = {
  empty: '',
  NUL: 'a\0b',
  'NUL alone': '\0',
  'a lone high surrogate': 'a\ud800b',
  'a lone low surrogate': '\udfff',
  'a byte order mark': '\ufeff',
  'an override of direction': '\u202eabc\u2066',
  'line ends': 'a\r\nSet-Cookie: evil=1\r\n\r\n<script>',
  'a line separator': '\u2028',
  'a very long grapheme': `a${'\u0301'.repeat(5_000)}`,
  'what NFKC makes eighteen times as long': '\ufdfa'.repeat(5_000),
  'what is longer in lower case': '\u0130'.repeat(5_000),
  'two @': 'a@b@c.example',
  SQL: `' OR 1=1; DROP TABLE users; --`,
  path: '../../../../etc/passwd\0.gif',
  markup: '"><script>alert(1)</script>',
  proto: '__proto__',
  'a number': '1e309',
  percent: '%',
  'percent, half': '%f',
  '30 kB': 'x'.repeat(30_000),
}

/** Neither a fault of ours, nor an answer that was split, nor one that is left to caches. */
async function fine(t: ExecutionContext, ask: () => Promise<Reply>, what: string): Promise<void> {
  let reply = await ask()
  // A machine that is busy may answer too late; what cannot be read is refused each time.
  for (let tries = 0; reply.status === 503 && tries < 5; tries++) reply = await ask()
  t.true(reply.status >= 200 && reply.status < 500, `${what}: ${reply.status} ${reply.body.slice(0, 200)}`)
  t.is(reply.headers['cache-control'], 'no-store', what)
  t.false(
    reply.cookies.some(cookie => cookie.startsWith('evil')),
    what,
  )
  if (String(reply.headers['content-type']).startsWith('text/html')) {
    t.false(reply.body.includes('<script>alert'), what)
  }
}

for (const [name, world] of Object.entries(both.worlds)) {
  const { auth, shop, news } = world

  test.serial(
    `hostile strings in every field of every form, ${name}: a clear refusal, never a 500`,
    async t => {
      const browser = await fresh(world)
      for (const [path, fields] of Object.entries(FORMS)) {
        // Its own case below: it would end what the others need.
        if (path === '/signout') continue
        for (const field of Object.keys(fields)) {
          for (const [what, text] of Object.entries(STRINGS)) {
            const label = `${path} ${field}: ${what}`
            await fine(t, () => postJson(browser, auth + path, { ...fields, [field]: text }), label)
          }
          for (const value of [
            null,
            0,
            -1,
            1e308,
            true,
            [],
            {},
            [[]],
            { $ne: '' },
            ['a', 'b'],
            { length: 1e9 },
          ]) {
            const label = `${path} ${field}: ${JSON.stringify(value)}`
            await fine(t, () => postJson(browser, auth + path, { ...fields, [field]: value }), label)
          }
        }
      }
    },
  )

  test.serial(`hostile strings in forms as pages send them, ${name}`, async t => {
    const browser = await fresh(world)
    for (const [path, fields] of Object.entries(FORMS)) {
      if (path === '/signout') continue
      for (const field of Object.keys(fields)) {
        for (const [what, text] of Object.entries(STRINGS)) {
          const form = new URLSearchParams({ ...(fields as Record<string, string>), [field]: text })
          await fine(t, () => send(browser, auth, path, form.toString()), `${path} ${field}: ${what}`)
        }
        for (const raw of ['%', '%ff%fe', '%c0%af', '%ed%a0%80', '\xff\xfe', '%00']) {
          await fine(t, () => send(browser, auth, path, `${field}=${raw}`), `${path} ${field}: ${raw}`)
        }
      }
      for (const raw of [
        'email=a&email=b',
        'email[]=a&email[]=b',
        'email[a][b][c]=d',
        '__proto__[role]=admin&email=a',
        'constructor[prototype][role]=admin',
        'email[__proto__]=a',
        `${'a[b]'.repeat(2_000)}=x`,
        `email${'[a]'.repeat(5_000)}=x`,
        'a=b&'.repeat(7_000),
        '&'.repeat(30_000),
        '='.repeat(30_000),
      ]) {
        await fine(t, () => send(browser, auth, path, raw), `${path}: ${raw.slice(0, 40)}`)
      }
    }
  })

  test.serial(`hostile strings in every parameter of every address, ${name}`, async t => {
    const browsers = [new Browser(), await fresh(world)]
    const targets = [
      ...Object.entries(QUERIES).map(([path, names]) => [auth, path, names] as const),
      ...Object.entries(AGENT_QUERIES).flatMap(([path, names]) => [
        [shop, path, names] as const,
        [news, path, names] as const,
      ]),
    ]
    for (const [origin, path, names] of targets) {
      const usual = path === '/authorize' ? { site: 'shop', state: 's' } : {}
      for (const parameter of names) {
        const values = Object.values(STRINGS).map(text =>
          encodeURIComponent(text.toWellFormed()).slice(0, 14_000),
        )
        const whole = values.map(value => value.replace(/%[0-9A-F]?$/, ''))
        for (const raw of [
          ...whole,
          '%',
          '%ff%fe',
          '%c0%af',
          '%ed%a0%80',
          '%00',
          '\xff\xfe',
          '+',
          '__proto__',
        ]) {
          const query = new URLSearchParams(usual)
          query.delete(parameter)
          for (const browser of browsers) {
            const ask = () => browser.request(`${origin}${path}?${query}&${parameter}=${raw}`)
            if (path !== '/members') await fine(t, ask, `${path}?${parameter}=${raw.slice(0, 40)}`)
            else t.true((await ask()).status < 500)
          }
        }
        const twice = await browsers[0]?.request(`${origin}${path}?${parameter}=a&${parameter}=b`)
        if (path !== '/members' && path !== '/api/session')
          t.is(twice?.status, 400, `${path}?${parameter} twice`)
      }
    }
  })

  test.serial(
    `hostile bodies, ${name}: JSON of any depth and shape, other types, other encodings`,
    async t => {
      const browser = await fresh(world)
      const bodies: Record<string, string> = {
        'nested 15,000 deep': `${'['.repeat(15_000)}${']'.repeat(15_000)}`,
        'nested 100,000 deep': `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
        'nested in a field': `{"email":${'['.repeat(15_000)}${']'.repeat(15_000)}}`,
        'objects nested': `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
        'cut short': '{"email":"a',
        proto: '{"__proto__":{"role":"admin"},"email":"a","password":"b"}',
        constructor: '{"constructor":{"prototype":{"role":"admin"}}}',
        'a key twice': '{"email":"a@b.c","email":"d@e.f","password":"x"}',
        'many keys': `{${Array.from({ length: 3_000 }, (_, index) => `"k${index}":1`).join()}}`,
        '100 kB': `{"email":"${'x'.repeat(100_000)}"}`,
        'a number alone': '1',
        nothing: '',
        null: 'null',
        'invalid UTF-8': '{"email":"\xff\xfe","password":"\xc0\xaf"}',
        'a lone surrogate': '{"email":"\\ud800@example.com","password":"\\udfff"}',
        NUL: '{"email":"ada@example.com\\u0000","password":"\\u0000"}',
      }
      for (const path of Object.keys(FORMS)) {
        if (path === '/signout') continue
        for (const [what, body] of Object.entries(bodies)) {
          const label = `${path}: ${what}`
          await fine(t, () => postJson(browser, auth + path, body), label)
        }
      }
      t.is(({} as { role?: string }).role, undefined, 'no prototype was touched')
      for (const type of [
        'application/json; charset=utf-7',
        'application/json; charset=nonsense',
        'application/json;;;;',
        'APPLICATION/JSON',
        'application/vnd.api+json',
        'application/csp-report',
        'multipart/form-data; boundary=x',
        'text/plain',
        'application/x-www-form-urlencoded; charset=utf-16',
        'x'.repeat(9_000),
        '/',
        ';',
      ]) {
        const headers = { 'content-type': type, origin: auth }
        const sending = { method: 'POST', headers, body: '{"email":"a"}' }
        await fine(t, () => browser.request(`${auth}/signin`, sending), type.slice(0, 60))
      }
      for (const encoding of ['gzip', 'br', 'deflate', 'identity', 'nonsense', 'gzip, gzip']) {
        const headers = { 'content-encoding': encoding, origin: auth }
        await fine(t, () => postJson(browser, `${auth}/signin`, '{"email":"a"}', headers), encoding)
      }
    },
  )

  test.serial(`hostile headers and cookies, ${name}`, async t => {
    const browser = await fresh(world)
    const good = browser.cookie(auth, 'carnet') ?? ''
    const cookies = [
      'carnet',
      '=',
      ';;;;',
      'carnet=',
      'carnet=.',
      `carnet=${good}; carnet=${good}`,
      `carnet=${good}; carnet=x`,
      `carnet="${good}"`,
      `carnet=${'.'.repeat(9_000)}`,
      'carnet-page=x; carnet-page.sig=y',
      'carnet-page=eyJfX3Byb3RvX18iOnt9fQ==',
      'carnet-remember=a.b.c',
      'carnet-remember=%00',
      'carnet-language=__proto__',
      'carnet-language=constructor',
      '__Host-carnet-claim=x',
      'carnet-silent=x; carnet-bounces=NaN',
      'carnet-bounces=1e999',
      'a=b; '.repeat(2_000),
      '\xff\xfe=\xff',
      '__proto__=x',
    ]
    const headers: Record<string, string[]> = {
      cookie: cookies,
      accept: ['*/*;q=nonsense', 'application/json;', 'x'.repeat(9_000), ',;,;,'],
      'accept-language': [
        'zh-'.repeat(3_000),
        'en;q=1e999',
        ',,,;;;q=',
        '__proto__',
        '\xff',
        '-'.repeat(9_000),
      ],
      'user-agent': ['', 'x'.repeat(9_000), '(((((('.repeat(900), '\xff\xfe', 'Mozilla/5.0 (('],
      origin: ['null', 'x', 'http://[', '\xff'],
      referer: ['x', 'http://[', 'javascript:alert(1)'],
      host: ['x', '[', '[::1', 'a:b:c', '\xff', 'localhost:99999', '..', 'x'.repeat(9_000)],
      'sec-fetch-site': ['x', 'none', 'same-site, same-origin'],
      'sec-fetch-mode': ['x', 'navigate, cors'],
      'sec-fetch-dest': ['x', 'image, document'],
      'sec-purpose': ['prefetch'.repeat(900), 'x'],
      'x-forwarded-for': ['x'.repeat(9_000), ','.repeat(9_000), '[[[[', '1.2.3.4:'.repeat(900)],
      forwarded: ['for=', ';;;;', 'x'.repeat(9_000)],
      'if-none-match': ['*'],
      range: ['bytes=0-0'],
    }
    for (const [header, values] of Object.entries(headers)) {
      for (const value of values) {
        for (const [origin, path] of [
          [auth, '/'],
          [auth, '/signin'],
          [auth, '/authorize?site=shop&state=x'],
          [auth, '/account/sessions'],
          [shop, '/api/auth.gif'],
          [shop, '/api/auth?ticket=x&state=y~2'],
          [shop, '/api/signin'],
          [shop, '/api/session'],
        ] as const) {
          const ask = () => browser.request(origin + path, { headers: { [header]: value } })
          await fine(t, ask, `${path} ${header}: ${value.slice(0, 40)}`)
        }
        const form = { email: 'ada@example.com', password: 'x' }
        await fine(
          t,
          () => postJson(new Browser(), `${auth}/signin`, form, { [header]: value }),
          `POST ${header}`,
        )
      }
    }
    for (const name of [
      'cookie',
      'accept-language',
      'user-agent',
      'content-type',
      'origin',
      'x-forwarded-for',
    ]) {
      const lines = `${name}: a=b\r\n`.repeat(300)
      for (const origin of [auth, shop]) {
        const { host, port } = new URL(origin)
        const path = origin === auth ? '/signin' : '/api/session'
        const bytes = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}Connection: close\r\n\r\n`
        const { status } = await rawExchange(Number(port), [bytes])
        t.true(status >= 200 && status < 500, `300 times ${name}: ${status}`)
      }
    }
  })

  test.serial(`a sign-out with hostile fields ends nothing by accident, ${name}`, async t => {
    const browser = await fresh(world)
    for (const [what, text] of Object.entries(STRINGS)) {
      const reply = await postJson(browser, `${auth}/signout`, { [text]: text, site: [text] })
      t.is(reply.status, 400, what)
    }
    t.is((await browser.request(`${auth}/account`)).status, 200)
  })
}

test('CSRF: JSON under another name is no proof that no foreign page sent it', async t => {
  const { auth } = both.worlds.embedded
  const body = JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery staple' })
  for (const type of [
    'text/plain',
    'text/plain; application/json',
    'text/plain;charset=application/json',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'multipart/form-data; boundary=application/json',
    'application/csp-report',
    'application/reports+json',
    'text/json',
    '',
  ]) {
    const headers = { ...(type !== '' && { 'content-type': type }) }
    const reply = await new Browser().request(`${auth}/signin`, { method: 'POST', headers, body })
    t.is(reply.headers['carnet-error'], 'csrf', type)
    t.deepEqual(
      reply.cookies.filter(cookie => cookie.startsWith('carnet=')),
      [],
    )
  }
  for (const path of Object.keys(FORMS)) {
    const headers = { 'content-type': 'text/plain' }
    const reply = await new Browser().request(auth + path, { method: 'POST', headers, body: '{}' })
    t.is(reply.headers['carnet-error'], 'csrf', path)
  }
  const foreign = { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' }
  const reply = await new Browser().request(`${auth}/signin`, { method: 'POST', headers: foreign, body })
  t.is(reply.headers['carnet-error'], 'csrf')
})

/** A browser that gave its password just now. */
async function fresh(world: World): Promise<Browser> {
  const browser = await signedIn(world)
  await signInJson(world, browser)
  return browser
}

function send(browser: Browser, auth: string, path: string, body: string): Promise<Reply> {
  return browser.request(auth + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: auth },
    body,
  })
}
