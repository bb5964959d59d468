import { request } from 'node:http'
import { ADA } from '@carnet/demo'
import { Browser, type Reply } from '@carnet/demo/browser'
import { pixelsOf, signIn } from '@carnet/demo/check'
import { loadAgentsConfig, serveAgents } from '@carnet/site-agent/main'
import test from 'ava'
import { pino } from 'pino'
import { certificate } from '../support/domains.ts'
import { printed } from '../support/processes.ts'
import { startProxiedSites } from '../support/proxied-sites.ts'
import { askAt } from '../support/raw.ts'
import { openChromium } from '../support/real-browser.ts'
import { until } from '../support/until.ts'
import { postJson, whoAt } from '../support/world.ts'

const sites = await startProxiedSites()
const { auth, shop, news, games } = sites
const PROXIED = { nginx: shop, Caddy: news }

test.after.always(() => sites.close())

/** A browser that has signed in at the auth service, and has been nowhere else. */
async function signedIn(): Promise<Browser> {
  const browser = new Browser()
  await signIn(browser, auth, ADA.password)
  return browser
}

/** What a page of PHP saw. */
function seenBy(reply: Reply): {
  seen: Record<string, string>
  method: string
  body: string
  cookies: string[]
} {
  return JSON.parse(reply.body)
}

const ADAS = {
  HTTP_X_CARNET_EMAIL: ADA.email,
  HTTP_X_CARNET_NAME: 'Ada%20%E6%84%9B%E9%81%94,%20Ph.D.%20100%25',
  HTTP_X_CARNET_ROLES: 'member,a%2Cb',
}
const NOBODYS = {
  HTTP_X_CARNET_USER: '',
  HTTP_X_CARNET_EMAIL: '',
  HTTP_X_CARNET_NAME: '',
  HTTP_X_CARNET_ROLES: '',
}

const FORGED = {
  'X-Carnet-User': 'forged',
  X_Carnet_User: 'forged',
  'x-carnet_email': 'forged',
  'X_CARNET-NAME': 'forged',
  'X-Carnet-Roles': 'admin',
  x_carnet_roles: 'admin',
}

// A proxy that drops what a client lists here must not drop what was put in place of it.
const DROPPING = { ...FORGED, connection: 'close, X-Carnet-User, x-carnet-roles,X-Carnet-Email' }

/** Asks the agents as a proxy does. */
function ask(
  rule: string,
  headers: Record<string, string> = {},
  target = '/page',
  base = 'verify',
  port = sites.agents,
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path: `/api/${base}${rule}`,
        agent: false,
        headers: {
          host: new URL(shop).host,
          'x-forwarded-method': 'GET',
          'x-forwarded-uri': target,
          'x-forwarded-for': '203.0.113.5',
          ...headers,
        },
      },
      received => {
        let body = ''
        received.on('data', chunk => {
          body += chunk
        })
        received.on('end', () =>
          resolve({ status: received.statusCode ?? 0, headers: received.headers, body }),
        )
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}

const codeOf = ({ body }: { body: string }) => (JSON.parse(body) as { error?: string }).error

/** Opens a WebSocket's connection; the status, who the app saw, and what came back of what was sent. */
function openSocket(url: string, cookie: string): Promise<{ status: number; seen: string; echo: string }> {
  return new Promise((resolve, reject) => {
    const { host, port, pathname } = new URL(url)
    const asked = request({
      host: '127.0.0.1',
      port,
      path: pathname,
      agent: false,
      headers: {
        host,
        ...(cookie !== '' && { cookie }),
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...FORGED,
      },
    })
    asked.on('upgrade', (received, socket) => {
      let echo = ''
      socket.on('data', chunk => {
        echo += chunk
      })
      socket.on('end', () => {
        socket.end()
        resolve({ status: 101, seen: String(received.headers['x-seen'] ?? ''), echo })
      })
      socket.write('ping')
    })
    asked.on('response', received => {
      received.resume()
      resolve({ status: received.statusCode ?? 0, seen: '', echo: '' })
    })
    asked.on('error', reject)
    asked.end()
  })
}

test.serial(
  'three domains, behind nginx, behind Caddy and on Koa: one sign-in opens all, one sign-out ends all',
  async t => {
    for (const leaving of [shop, news, games]) {
      const browser = new Browser()
      const asked = await browser.visit(`${shop}/members/?a=1`)
      t.true(asked.url.startsWith(`${auth}/signin`), asked.url)
      const page = await signIn(browser, auth, ADA.password, new URL(asked.url).search)
      t.true(page.body.includes('/api/auth.gif'))
      for (const [origin, path, text] of [
        [shop, '/members/?a=1', 'members page'],
        [news, '/members/?a=1', 'members page'],
        [games, '/members', 'data-via="bounce"'],
      ] as const) {
        const reply = await browser.visit(origin + path)
        t.is(reply.url, origin + path, 'it came back to where it was')
        t.true(reply.body.includes(text), origin)
        t.is(await whoAt(browser, origin), ADA.email)
      }
      const left = await browser.submit(`${leaving}/`, '/api/signout', {})
      t.is(left.status, 303)
      for (const origin of [shop, news, games]) {
        await until(async () => (await whoAt(browser, origin)) === 'signed_out')
        const path = origin === games ? '/members' : '/members/'
        const reply = await browser.request(origin + path)
        t.is(reply.status, 303)
        t.true(reply.headers.location?.startsWith(`${auth}/authorize`), origin)
      }
    }
  },
)

test.serial(
  'pixels reach the agents through both proxies, and the claim is swapped on the first page',
  async t => {
    const browser = new Browser()
    const page = await signIn(browser, auth, ADA.password)
    for (const url of pixelsOf(page.body)) {
      const { status } = await browser.image(url, `${auth}/signin`)
      t.is(status, 200, url)
    }
    for (const [proxy, origin] of Object.entries(PROXIED)) {
      t.true(browser.cookie(origin, 'carnet') === null, proxy)
      const swapped = await browser.request(`${origin}/members/`)
      t.is(swapped.status, 303)
      t.is(swapped.headers.location, `${origin}/members/`)
      t.is(swapped.cookies.length, 2, 'the session, and the claim dropped')
      t.is((await browser.request(`${origin}/members/`)).body, 'members page')
    }
  },
)

for (const [proxy, origin] of Object.entries(PROXIED)) {
  test.serial(`${proxy}: PHP and apps learn who is signed in, and nothing that a client forged`, async t => {
    const browser = await signedIn()
    await browser.visit(`${origin}/members/`)
    for (const headers of [FORGED, DROPPING]) {
      for (const path of ['/who.php', '/members/who.php', '/hello.php']) {
        const { seen } = seenBy(await browser.request(origin + path, { headers }))
        const { HTTP_X_CARNET_USER: id = '', ...rest } = seen
        t.deepEqual(rest, ADAS, path)
        t.regex(id, /^[\w-]{21}$/)
      }
      const app = JSON.parse((await browser.request(`${origin}/app/x`, { headers })).body)
      t.is(app['x-carnet-email'], ADA.email)
      t.is(decodeURIComponent(app['x-carnet-name']), 'Ada 愛達, Ph.D. 100%')
      t.is(app['x-carnet-roles'], 'member,a%2Cb')
      t.notRegex(JSON.stringify(app), /forged|admin/)
    }

    const nobody = new Browser()
    for (const headers of [FORGED, DROPPING]) {
      const hello = await nobody.request(`${origin}/hello.php`, { headers })
      t.is(hello.status, 200)
      t.deepEqual(seenBy(hello).seen, NOBODYS)
    }
    t.is((await nobody.request(`${origin}/`)).body, 'open page')
  })

  test.serial(`${proxy}: the app's cookies, bodies and refusals come through`, async t => {
    const browser = await signedIn()
    await browser.visit(`${origin}/members/`)
    const body = `a=1&b=${'x'.repeat(50_000)}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const posted = await browser.request(`${origin}/who.php`, { method: 'POST', body, headers })
    t.deepEqual(posted.cookies, ['basket=1; Path=/'])
    t.is(seenBy(posted).method, 'POST')
    t.is(seenBy(posted).body, body)
    t.true(seenBy(await browser.request(`${origin}/who.php`)).cookies.includes('basket'))
    t.is((await browser.request(`${origin}/app/401`)).body, 'the app says no')

    // What a form sent cannot be sent again: the way back leads to its page.
    const nobody = new Browser()
    const referer = `${origin}/members/form?x=1`
    const refused = await nobody.request(`${origin}/who.php`, {
      method: 'POST',
      body,
      headers: { ...headers, referer },
    })
    t.is(refused.status, 303)
    t.true(refused.headers.location?.startsWith(`${auth}/authorize`))
    const script = { accept: 'application/json', 'sec-fetch-mode': 'cors' }
    const json = await nobody.request(`${origin}/members/`, { headers: script })
    t.is(json.status, 401)
    t.is(codeOf(json), 'signed_out')
    t.is((await nobody.request(`${origin}/members/`, { method: 'HEAD' })).status, 303)
  })

  test.serial(`${proxy}: a form of the site's own signs in there, and the way on everywhere`, async t => {
    const browser = new Browser()
    const fields = { email: ADA.email, password: ADA.password, return_to: '/members/' }
    const reply = await postJson(browser, `${origin}/api/signin`, fields, { origin })
    t.is(reply.status, 200, reply.body)
    const { next } = (JSON.parse(reply.body) as { data: { next: string } }).data
    await browser.visit(next)
    t.is((await browser.visit(`${origin}/members/`)).body, 'members page')
    t.is((await browser.visit(`${games}/members`)).url, `${games}/members`)
  })

  test.serial(`${proxy}: a WebSocket opens for who is signed in, and is 401 for others`, async t => {
    const browser = await signedIn()
    await browser.visit(`${origin}/members/`)
    const cookie = `carnet=${browser.cookie(origin, 'carnet')}`
    t.deepEqual(await openSocket(`${origin}/app/live`, cookie), {
      status: 101,
      seen: ADA.email,
      echo: 'ping',
    })
    t.is((await openSocket(`${origin}/app/live`, '')).status, 401)
  })

  test.serial(`${proxy}: nobody outside can ask as a proxy does, and no query changes the rule`, async t => {
    const nobody = new Browser()
    for (const path of [
      '/api/verify',
      '/api/verify/optional',
      '/api/enter',
      '/_carnet/verify',
      '/_carnet/optional',
    ]) {
      t.is((await nobody.request(origin + path)).status, 404, path)
    }
    for (const path of ['/members/?optional', '/members/?optional=1&role=x', '/members/?/optional']) {
      t.is((await nobody.request(origin + path)).status, 303, path)
    }
    const headers = {
      'x-forwarded-host': new URL(games).host,
      'x-forwarded-uri': '/api/healthz',
      'x-forwarded-method': 'POST',
      'x-original-url': `${games}/api/healthz`,
      'carnet-enter': '/api/session',
    }
    const reply = await nobody.request(`${origin}/members/`, { headers })
    t.is(reply.status, 303)
    const { searchParams } = new URL(reply.headers.location ?? '')
    t.is(searchParams.get('site'), proxy === 'nginx' ? 'shop' : 'news')
  })
}

test.serial('no spelling of an address gets around the question', async t => {
  for (const [proxy, origin] of Object.entries(PROXIED)) {
    const { host, port } = new URL(origin)
    for (const path of [
      '/members/index.html',
      '//members/index.html',
      '/members//index.html',
      '/./members/index.html',
      '/x/../members/index.html',
      '/%6dembers/index.html',
      '/members%2findex.html',
      '/members%2Findex.html',
      '/%2e/members/index.html',
      '/members/./index.html',
      '/MEMBERS/index.html',
      '/members/index.html%00',
      '/who.php',
      '/who.php/x',
      '/who.PHP',
      '/who.php%20',
      '//who.php',
      '/members/../who.php',
      `${origin}/members/index.html`,
    ]) {
      const { status, text } = await askAt({ address: '127.0.0.1', port: Number(port) }, host, path)
      t.notRegex(text, /members page|<\?php|"seen"/, `${proxy} ${path} ${status}`)
    }
  }
})

test.serial('the rule is asked for by the path; one that cannot be meant lets nobody pass', async t => {
  const browser = await signedIn()
  await browser.visit(`${shop}/members/`)
  const cookie = `carnet=${browser.cookie(shop, 'carnet')}`
  const asSigned = (rule: string) => ask(rule, { cookie })
  for (const rule of [
    '',
    '/role=member',
    '/role=a%2Cb',
    '/verified',
    '/verified/role=member/max_age=10m',
    '/max_age=600',
    '/optional',
  ]) {
    const reply = await asSigned(rule)
    t.is(reply.status, 200, rule)
    t.is(reply.headers['x-carnet-email'], ADA.email)
    t.is(reply.headers['cache-control'], 'no-store')
    t.is((await ask(rule)).status, rule === '/optional' ? 200 : 303)
  }
  t.is((await asSigned('/role=admin')).status, 403)
  t.is((await ask('', { cookie: 'carnet=forged' })).status, 303)
  t.is((await ask('', { cookie: `${cookie}; ${cookie}` })).status, 303)
  for (const rule of [
    '/rol=admin',
    '/role=',
    '/role',
    '/admin',
    '/verified=1',
    '/verified/verified',
    '/optional/verified',
    '/max_age=soon',
    '/role=%ff',
    '/',
    '?role=member',
    '?for=nginx',
  ]) {
    const reply = await asSigned(rule)
    t.is(reply.status, 400, rule)
    t.is(codeOf(reply), 'invalid_input')
  }
  for (const headers of [
    { 'x-forwarded-method': '' },
    { 'x-forwarded-method': 'get' },
    { 'x-forwarded-uri': '' },
  ]) {
    t.is((await ask('', { cookie, ...headers })).status, 400)
  }
  for (const path of ['/api/healthz', '/api/session', '/api/auth.gif?ticket=x', '/api/signout']) {
    t.is((await ask('', { cookie }, path)).status, 400, `200 for ${path} would mean that anybody may pass`)
  }
})

test.serial(
  'nginx is told yes or no and where to send the browser, which is sent back where it may pass by then',
  async t => {
    const no = await ask('/nginx/role=member')
    t.is(no.status, 401)
    t.is(no.headers['carnet-enter'], '/api/enter/role=member')
    t.is(no.headers['set-cookie'], undefined)
    const browser = await signedIn()
    await browser.visit(`${shop}/members/`)
    const cookie = `carnet=${browser.cookie(shop, 'carnet')}`
    t.is((await ask('/nginx/role=member', { cookie })).status, 200)
    t.is((await ask('/nginx/role=admin', { cookie })).status, 401)
    const refused = await ask('/role=admin', { cookie }, '/page', 'enter')
    t.is(refused.status, 403)
    t.regex(refused.body, /<html/)
    const back = await ask('', { cookie }, '/page?a=1', 'enter')
    t.is(back.status, 303)
    t.is(back.headers['location'], `${shop}/page?a=1`)
    const elsewhere = await ask('', { cookie }, '//evil.example/', 'enter')
    t.is(elsewhere.headers['location'], `${shop}/`)
    t.is((await ask('', { cookie, 'x-forwarded-method': 'POST' }, '/page', 'enter')).status, 503)
  },
)

test.serial('the host picks among the sites that are served, and no other is answered for', async t => {
  const siteAt = async (headers: Record<string, string>) => {
    const reply = await ask('', headers)
    return reply.status === 303
      ? new URL(String(reply.headers['location'])).searchParams.get('site')
      : reply.status
  }
  t.is(await siteAt({ host: new URL(news).host }), 'news')
  t.is(await siteAt({ host: 'NEWS.localhost' }), 'news', 'names are told apart by no case, and by no port')
  t.is(await siteAt({ host: 'carnet:4010', 'x-forwarded-host': new URL(news).host }), 'news')
  t.is(await siteAt({ host: new URL(shop).host, 'x-forwarded-host': new URL(news).host }), 'shop')
  for (const host of ['games.localhost', 'evil.example', 'auth.localhost', 'x@y', '']) {
    const reply = await ask('', { host, 'x-forwarded-host': 'evil.example' })
    t.is(reply.status, 404, host)
    t.is(codeOf(reply), 'not_found')
    t.is(reply.headers['location'], undefined)
  }
  t.is((await ask('', {}, '/', '../other')).status, 404)
})

test.serial('agents that reach no Redis ask the auth service itself', async t => {
  const config = loadAgentsConfig({ ...sites.env, CARNET_STORE_URL: auth, CARNET_PORT: '0' })
  const running = await serveAgents(config, pino({ level: 'silent' }))
  t.teardown(running.close)
  const browser = await signedIn()
  // Names are told apart by no port, and cookies are not either: the way back is led to these agents.
  const there = (url: string) => Object.assign(new URL(url), { port: `${running.port}` }).href
  const begun = await browser.request(there(`${shop}/api/signin`))
  const issued = await browser.request(begun.headers.location ?? '')
  const redeemed = await browser.request(there(issued.headers.location ?? ''))
  t.is(redeemed.headers.location, `${shop}/`)
  const cookie = `carnet=${browser.cookie(shop, 'carnet')}`
  const asked = await ask('', { cookie }, '/page', 'verify', running.port)
  t.is(asked.status, 200)
  t.is(asked.headers['x-carnet-email'], ADA.email)
  const foreign = await ask('', { cookie, host: new URL(news).host }, '/page', 'verify', running.port)
  t.is(foreign.status, 303, 'another site’s cookie')
})

test.serial('sites come and go with the manifest, without a restart', async t => {
  const host = 'late.localhost:1'
  t.is((await ask('', { host })).status, 404)
  sites.adjust(
    yaml =>
      `${yaml}  - { id: late-one, origin: "http://${host}" }\n  - { id: bare, origin: "http://bare.localhost:2" }\n`,
  )
  await until(async () => (await ask('', { host })).status === 303)
  await printed(sites.process, 'CARNET_SITE_SECRETS_BARE')
  t.is((await ask('', { host: 'bare.localhost:2' })).status, 404)
  sites.adjust(yaml => yaml.replace(/^.*(late-one|bare).*\n/gm, ''))
  await until(async () => (await ask('', { host })).status === 404)
  t.is((await ask('')).status, 303, 'the others stay')
})

test.serial(
  'silent sites: the one cookie that a page may set, and all those of a bounce, come through both proxies',
  async t => {
    sites.adjust(yaml => yaml.replaceAll('fanOut', 'silent: true, fanOut'))
    for (const origin of Object.values(PROXIED)) {
      const browser = new Browser()
      await until(async () =>
        (await browser.request(`${origin}/hello.php`)).cookies.some(cookie =>
          cookie.startsWith('carnet-silent=ready'),
        ),
      )
      const asked = await browser.request(`${origin}/hello.php?x=1`)
      t.is(asked.status, 303)
      t.is(new URL(asked.headers.location ?? '').searchParams.get('prompt'), 'none')
      t.is(asked.cookies.length, 2)
      const signed = await signedIn()
      await signed.request(`${origin}/hello.php`)
      const greeted = await signed.visit(`${origin}/hello.php?x=1`)
      t.is(seenBy(greeted).seen['HTTP_X_CARNET_EMAIL'], ADA.email, 'signed in without a click')
    }
  },
)

test.serial('while the store is away nobody passes, and while the agents are nobody does either', async t => {
  const probe = async (path: string) => {
    const reply = await new Browser().request(`http://anything.example:${sites.agents}${path}`)
    return { status: reply.status, ...JSON.parse(reply.body) }
  }
  t.like(await probe('/readyz'), { status: 200, code: 0, data: { sites: { shop: 'ok', news: 'ok' } } })
  const browser = await signedIn()
  for (const origin of Object.values(PROXIED)) await browser.visit(`${origin}/members/`)
  await sites.redis.kill()
  await until(async () => (await probe('/readyz')).status === 503)
  t.is((await probe('/healthz')).status, 200)
  for (const origin of Object.values(PROXIED)) {
    await until(async () => (await browser.request(`${origin}/members/`)).status === 503)
    const away = await browser.request(`${origin}/members/`)
    t.regex(away.body, /<html/)
    t.is(away.headers['retry-after'], '1')
    t.is((await browser.request(`${origin}/`)).body, 'open page')
    t.deepEqual(seenBy(await browser.request(`${origin}/hello.php`, { headers: FORGED })).seen, NOBODYS)
  }
  const log = sites.process.output()
  t.notRegex(log, /carnet=|(shop|news)\.[\w-]{8}\.[\w-]{24}|[\w-]{43}/, 'no cookie, ticket, or signature')
  sites.process.process.kill('SIGTERM')
  t.is(await sites.process.exited, 0)
  for (const origin of Object.values(PROXIED)) {
    const reply = await browser.request(`${origin}/members/`, { headers: FORGED })
    t.true(reply.status >= 500, String(reply.status))
  }
})

test.serial('Chromium, on unrelated domains over https: in at all, WebSockets open, out at all', async t => {
  const world = await startProxiedSites(certificate)
  t.teardown(() => world.close())
  const browser = await openChromium(certificate, { thirdPartyCookies: false })
  t.teardown(() => browser.close())
  const opens = (origin: string) =>
    browser.page.evaluate(
      url =>
        new Promise<boolean>(resolve => {
          const socket = new WebSocket(url)
          socket.onopen = () => resolve(true)
          socket.onerror = () => resolve(false)
        }),
      `${origin.replace('https', 'wss')}/app/live`,
    )
  const members: [string, string][] = [
    [world.shop, '/members/'],
    [world.news, '/members/'],
    [world.games, '/members'],
  ]
  for (const origin of [world.shop, world.news]) {
    await browser.goto(`${origin}/`)
    t.false(await opens(origin), 'nobody is signed in')
  }
  t.true((await browser.goto(`${world.shop}/members/`)).startsWith(`${world.auth}/signin`))
  await browser.fill('#email', ADA.email)
  await browser.fill('#password', ADA.password)
  await browser.click('button', `${world.shop}/members/`)
  for (const [origin, path] of members) t.is(await browser.goto(origin + path), origin + path)
  for (const origin of [world.shop, world.news]) {
    await browser.goto(`${origin}/hello.php`)
    t.true((await browser.text('body')).includes(ADA.email))
    t.true(await opens(origin))
  }
  const left = await browser.page.evaluate(() =>
    fetch('/api/signout', { method: 'POST', headers: { accept: 'application/json' } }).then(
      reply => reply.status,
    ),
  )
  t.is(left, 200)
  for (const [origin, path] of members) {
    t.true((await browser.goto(origin + path)).startsWith(`${world.auth}/signin`), origin)
  }
})
