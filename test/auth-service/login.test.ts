import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogin, type Login, type LoginOptions } from '@carnet/auth-service'
import { Browser } from '@carnet/demo/browser'
import { MemoryStore } from '@carnet/protocol'
import { bodyParser } from '@koa/bodyparser'
import test, { type ExecutionContext } from 'ava'
import express from 'express'
import Koa from 'koa'
import session from 'koa-session'
import { pino } from 'pino'
import { GOOD_PASSWORD, jsonOf, submitForm } from '../support/accounts.ts'
import { until } from '../support/until.ts'
import { postJson } from '../support/world.ts'

const KEY = 'a key for the tests of the login module'
const PAUL = { email: 'paul@example.com', password: GOOD_PASSWORD, name: 'Paul' }

interface App {
  readonly login: Login
  readonly origin: string
}

/** An app with the module in it; its pages say who visits. */
async function startApp(
  t: ExecutionContext,
  listen: (login: Login) => RequestListener | Promise<RequestListener>,
  options: Partial<LoginOptions> = {},
): Promise<App> {
  const login = await createLogin({
    title: 'Back office',
    description: 'Staff only',
    theme: { accent: '#0a6' },
    redirect: '/home',
    key: KEY,
    timeout: '24h',
    database: 'sqlite::memory:',
    passwordCost: 4,
    ...options,
  })
  await login.addUser(PAUL)
  const server = createServer(await listen(login))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(async () => {
    server.close()
    await login.close()
  })
  return { login, origin: `http://localhost:${(server.address() as AddressInfo).port}` }
}

const plain = (login: Login): RequestListener => {
  return async (req, res) => {
    if (await login.check(req, res)) return
    res.setHeader('Set-Cookie', 'own=1')
    res.end(`${(await login.getUser(req))?.name} at ${req.url}`)
  }
}

const HOSTS: Record<string, (login: Login) => RequestListener> = {
  'node:http': plain,
  koa: login => {
    const app = new Koa()
    app.use(login.koa())
    app.use(async ctx => {
      ctx.body = `${(await login.getUser(ctx.req))?.name} at ${ctx.url}`
    })
    return app.callback()
  },
  'koa with a body parser and a session of its own': login => {
    const app = new Koa()
    // What the host's own parser refuses is the host's to print.
    app.silent = true
    app.keys = ['k']
    app.use(session({ rolling: true }, app))
    app.use((ctx, next) => {
      const kept = ctx['session'] as Record<string, unknown>
      kept['seen'] = true
      return next()
    })
    app.use(bodyParser())
    app.use(login.koa())
    app.use(async ctx => {
      ctx.body = `${(await login.getUser(ctx.req))?.name} at ${ctx.url}`
    })
    return app.callback()
  },
  express: login => {
    const app = express()
    app.use(login.express())
    app.use(async (req, res) => {
      res.send(`${(await login.getUser(req))?.name} at ${req.url}`)
    })
    return app
  },
  'express with its body parsers': login => {
    const app = express()
    app.use(express.json(), express.urlencoded({ extended: true }))
    app.use(login.express())
    app.use(async (req, res) => {
      res.send(`${(await login.getUser(req))?.name} at ${req.url}`)
    })
    return app
  },
}

for (const [name, listen] of Object.entries(HOSTS)) {
  test(`${name}: a page asks to sign in first, and is come back to; signing out closes it`, async t => {
    const { origin, login } = await startApp(t, listen)
    const browser = new Browser()
    const asked = await browser.request(`${origin}/reports?year=2026`)
    t.is(asked.status, 303)
    t.is(asked.headers.location, '/login/signin?return_to=%2Freports%3Fyear%3D2026')
    const page = new URL(asked.headers.location ?? '', origin).href
    const shown = await browser.request(page)
    t.regex(shown.body, /Back office/)
    t.regex(shown.body, /Staff only/)
    t.regex(shown.body, /--accent: #0a6/)
    const wrong = await submitForm(browser, page, { email: PAUL.email, password: 'no, not this one' })
    t.is(wrong.headers.location, '/login/signin?return_to=%2Freports%3Fyear%3D2026')
    t.regex((await browser.request(page)).body, /role="alert"/)
    const signedIn = await submitForm(browser, page, { email: PAUL.email, password: PAUL.password })
    t.is(signedIn.status, 303, signedIn.body)
    t.is(signedIn.headers.location, `${origin}/reports?year=2026`)
    t.true(
      signedIn.cookies.some(cookie => /^carnet\.login=[^;]+; Path=\/; HttpOnly; SameSite=Lax/.test(cookie)),
    )
    t.is((await browser.request(`${origin}/reports?year=2026`)).body, 'Paul at /reports?year=2026')

    t.is((await browser.request(`${origin}/login/signin`)).headers.location, `${origin}/home`, 'on at once')
    t.is((await browser.request(`${origin}/login/signup`)).headers.location, `${origin}/home`)
    const cookie = `carnet.login=${browser.cookie(origin, 'carnet.login')}`
    t.true(await login.hasVerified(cookie))
    t.false(await login.hasVerified('carnet.login=x'))
    t.false(await login.hasVerified(undefined))
    const out = await submitForm(browser, `${origin}/login/signout`, {})
    t.is(out.headers.location, `${origin}/login/signin`)
    t.true(out.cookies.some(set => /^carnet\.login=; Path=\/; Max-Age=0/.test(set)))
    t.is((await browser.request(`${origin}/reports`)).status, 303)
    t.false(await login.hasVerified(cookie), 'and the old cookie opens nothing')
  })

  test(`${name}: AJAX is told where to go on to, and what was wrong`, async t => {
    const { origin } = await startApp(t, listen)
    const browser = new Browser()
    const refused = await browser.request(`${origin}/data`, { headers: { accept: 'application/json' } })
    t.is(refused.status, 401)
    t.is(jsonOf(refused).error, 'signed_out')
    const wrong = await postJson(browser, `${origin}/login/signin`, { email: PAUL.email, password: 'x' })
    t.like(jsonOf(wrong), { code: 401, error: 'invalid_credentials' })
    const good = await postJson(browser, `${origin}/login/signin`, {
      email: PAUL.email,
      password: PAUL.password,
    })
    t.is(good.status, 200, good.body)
    t.is(jsonOf(good).data?.['returnTo'], `${origin}/home`)
    t.is(
      jsonOf(await postJson(browser, `${origin}/login/signout`, {})).data?.['returnTo'],
      `${origin}/login/signin`,
    )
    const up = await postJson(new Browser(), `${origin}/login/signup`, {
      email: 'q@example.com',
      name: 'Q',
      password: GOOD_PASSWORD,
      passwordAgain: GOOD_PASSWORD,
      return_to: '/welcome',
    })
    t.is(jsonOf(up).data?.['returnTo'], `${origin}/welcome`, up.body)
    t.is((await postJson(browser, `${origin}/login/signin`, '{')).status, 400)
  })
}

test('the app hears of who signs up, in and out, and sees its users', async t => {
  const { origin, login } = await startApp(t, plain)
  const heard: string[] = []
  login.on('signup', ({ user }) => heard.push(`signup ${user.name}`))
  login.on('signin', ({ user }) => heard.push(`signin ${user.name}`))
  login.on('signout', ({ user }) => heard.push(`signout ${user?.name}`))
  const browser = new Browser()
  const data = { email: 'q@example.com', name: 'Q', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
  await postJson(browser, `${origin}/login/signup`, data)
  await postJson(browser, `${origin}/login/signout`, {})
  t.deepEqual(heard, ['signup Q', 'signin Q', 'signout Q'])
  t.deepEqual(
    (await login.listUsers()).map(({ email }) => email),
    ['paul@example.com', 'q@example.com'],
  )
  await t.throwsAsync(login.addUser(PAUL), { code: 'email_taken' } as object)
})

test('a call may say where to go on to; what leads nowhere or round in circles is refused', async t => {
  const { origin, login } = await startApp(t, loginOf => async (req, res) => {
    const redirect = req.headers['x-redirect']
    try {
      if (await loginOf.check(req, res, typeof redirect === 'string' ? redirect : undefined)) return
      res.end('in')
    } catch (error) {
      res.statusCode = 500
      res.end((error as Error).name)
    }
  })
  const browser = new Browser()
  const signIn = (redirect: string) =>
    postJson(
      browser,
      `${origin}/login/signin`,
      { email: PAUL.email, password: PAUL.password },
      { 'x-redirect': redirect },
    )
  t.is(jsonOf(await signIn('/elsewhere')).data?.['returnTo'], `${origin}/elsewhere`)
  for (const redirect of ['/login/signin', '//evil.com', 'https://evil.com/'])
    t.is((await signIn(redirect)).body, 'TypeError', redirect)
  t.truthy(login)
})

test('the host keeps the cookies that it sets, and the module’s answers bear its own', async t => {
  const { origin } = await startApp(t, login => async (req, res) => {
    res.setHeader('Set-Cookie', 'host=1')
    if (await login.check(req, res)) return
    res.end('in')
  })
  const reply = await postJson(new Browser(), `${origin}/login/signin`, {
    email: PAUL.email,
    password: PAUL.password,
  })
  t.true(reply.cookies.some(cookie => cookie.startsWith('host=1')))
  t.true(reply.cookies.some(cookie => cookie.startsWith('carnet.login=')))
})

test('what cannot work is refused at once', async t => {
  const make = (options: Partial<LoginOptions>) =>
    createLogin({ title: 'T', key: KEY, database: 'sqlite::memory:', passwordCost: 4, ...options })
  for (const options of [
    { key: 'short' },
    { key: undefined },
    { redirect: '/login' },
    { redirect: '/login/signin' },
    { redirect: '/x/../login/signout' },
    { redirect: 'https://evil.com/' },
    { redirect: '//evil.com' },
    { redirect: '/\\evil.com' },
    { redirect: 'javascript:alert(1)' },
    { url: '/' },
    { url: 'login' },
    { url: '/Log In' },
    { origin: 'http://app.example' },
    { origin: 'https://app.example/login' },
    { timeout: 'soon' },
    { timeout: '0s' },
    { timout: '1h' } as object,
  ] as Partial<LoginOptions>[]) {
    await t.throwsAsync(make(options), { instanceOf: TypeError }, JSON.stringify(options))
  }
  const fine = await make({ redirect: '/loginx', url: '/login' })
  await fine.close()
})

test.serial('production needs an origin and a store by name', async t => {
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = before
  })
  const make = (options: Partial<LoginOptions>) =>
    createLogin({ title: 'T', key: KEY, database: 'sqlite::memory:', ...options })
  await t.throwsAsync(make({ store: 'memory:' }), { message: /`origin` is missing/ })
  await t.throwsAsync(make({ origin: 'https://app.example' }), { message: /`store` is missing/ })
  await t.throwsAsync(make({ origin: 'http://localhost:3000', store: 'memory:' }), {
    message: /https origin/,
  })
  const login = await make({ origin: 'https://app.example', store: 'memory:' })
  await login.close()
})

test('a host that is not this machine’s is not spoken for, unless it is the configured one', async t => {
  const { origin } = await startApp(t, plain)
  const ask = (host: string) => new Browser().request(`${origin}/login/signin`, { headers: { host } })
  t.is((await ask('evil.example')).status, 400)
  t.is((await ask('127.0.0.1:80')).status, 200)
  t.is((await ask('[::1]:80')).status, 200)
  t.is((await ask('127.0.0.1.evil.example')).status, 400)
})

test('a session slides on use', async t => {
  const store = new MemoryStore()
  const ends: number[] = []
  const touch = store.touch.bind(store)
  store.touch = touches => {
    ends.push(...touches.map(({ until }) => until))
    return touch(touches)
  }
  const { origin } = await startApp(t, plain, { store, timeout: '2s' })
  t.teardown(() => store.close())
  const browser = new Browser()
  await postJson(browser, `${origin}/login/signin`, { email: PAUL.email, password: PAUL.password })
  await until(async () => {
    t.is((await browser.request(`${origin}/x`)).body, 'Paul at /x')
    return ends.length >= 5
  })
  t.true((ends.at(-1) ?? 0) - (ends[0] ?? 0) >= 1_500)
})

test('two modules on one host do not disturb each other', async t => {
  const first = await startApp(t, plain)
  const second = await startApp(t, plain, { url: '/staff/entry' })
  const browser = new Browser()
  for (const { origin } of [first, second]) {
    const path = origin === first.origin ? '/login' : '/staff/entry'
    await postJson(browser, `${origin}${path}/signin`, { email: PAUL.email, password: PAUL.password })
  }
  t.truthy(browser.cookie(first.origin, 'carnet.login'))
  t.truthy(browser.cookie(first.origin, 'carnet.staff.entry'))
  for (const { origin } of [first, second]) t.is((await browser.request(`${origin}/x`)).body, 'Paul at /x')
})

test('what the app does when it hears of a sign-in is no fault of the sign-in', async t => {
  const { origin, login } = await startApp(t, plain, { log: pino({ level: 'silent' }) })
  login.on('signin', () => {
    throw new Error('the app’s own')
  })
  const browser = new Browser()
  const reply = await postJson(browser, `${origin}/login/signin`, {
    email: PAUL.email,
    password: PAUL.password,
  })
  t.is(reply.status, 200)
  t.is((await browser.request(`${origin}/x`)).body, 'Paul at /x')
})

test('a public origin is production, and has no mails to read', async t => {
  const options = { title: 'T', key: KEY, database: 'sqlite::memory:', origin: 'https://app.example' }
  await t.throwsAsync(createLogin(options), { message: /`store` is missing/ })
  const { origin } = await startApp(t, plain, { trustProxy: '127.0.0.1' })
  const ask = (headers: Record<string, string>) =>
    new Browser().request(`${origin}/login/dev/mail`, { headers })
  t.is((await ask({ 'x-forwarded-for': '127.0.0.1' })).status, 200)
  t.is((await ask({ 'x-forwarded-for': '203.0.113.9' })).status, 404)
  t.is((await ask({})).status, 404, 'a proxy that names nobody')
})

test('under a router the path is the whole public one', async t => {
  const under = (url: string) =>
    startApp(
      t,
      login => {
        const [app, router] = [express(), express.Router()]
        router.use(login.express())
        router.use((_req, res) => void res.send('in'))
        app.use('/sub', router)
        app.set('env', 'test')
        return app
      },
      { url },
    )
  const right = await under('/sub/login')
  t.is(
    (await new Browser().request(`${right.origin}/sub/x`)).headers.location,
    '/sub/login/signin?return_to=%2Fsub%2Fx',
  )
  t.is((await new Browser().request(`${right.origin}/sub/login/signin`)).status, 200)
  const wrong = await under('/login')
  const reply = await new Browser().request(`${wrong.origin}/sub/x`)
  t.is(reply.status, 500)
  t.regex(reply.body, /\/sub\/login/)
})
