import { createServer } from 'node:http'
import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import type { Store } from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import { type CarnetState, carnet } from '@carnet/site-agent/koa'
import { carnet as nodeCarnet } from '@carnet/site-agent/node'
import test from 'ava'
import Koa from 'koa'
import { submitForm } from '../support/accounts.ts'
import { putForward } from '../support/later.ts'
import { signInJson, startWorld, type World } from '../support/world.ts'

/** A world whose shop has a page behind a fresh sign-in, at `/vault`; its agent's clock may be `aheadMs` before the service's. */
async function startVault(maxAge: string | number, aheadMs = 0): Promise<World> {
  const app = new Koa<CarnetState>()
  const world: World = await startWorld({
    tap(part, req, res) {
      if (part === 'shop') app.callback()(req, res)
      return part === 'shop'
    },
  })
  const store = new Proxy(world.store, {
    get(target, key: keyof Store) {
      if (key === 'now') return () => target.now() + aheadMs
      const value: unknown = target[key]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const secrets = 'a secret of thirty-two bytes or so'
  const agent = await createAgent({ site: 'shop', manifest: world.manifest, secrets, store })
  const fresh = carnet.required({ maxAge })
  app.use(carnet(agent))
  app.use((ctx, next) => (ctx.path === '/vault' ? fresh(ctx, next) : next()))
  app.use(ctx => {
    ctx.body = `the ${ctx.path} of ${ctx.state.session?.user.name ?? 'nobody'}`
  })
  return { ...world, close: () => agent.close().then(() => world.close()) }
}

const OLD_MS = 11 * 60_000
const VAULT = 'the /vault of Ada'

test('a maxAge that is no time is told at the start', t => {
  for (const maxAge of [
    '10',
    '10 minutes',
    '',
    'm',
    '-1m',
    '1.5m',
    -1,
    1.5,
    Number.NaN,
    1e9,
    '2000d',
    null,
    {},
  ]) {
    const make = () => carnet.required({ maxAge: maxAge as string })
    t.throws(
      make,
      { instanceOf: TypeError, message: /`maxAge` must be a duration such as 10m/ },
      String(maxAge),
    )
  }
  for (const maxAge of ['10m', '90s', '500ms', '1h', 0, 600]) t.notThrows(() => carnet.required({ maxAge }))
})

test('without a framework it is told at the first request', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const gate = nodeCarnet(world.agents['shop'] as World['agents'][string])
  const thrown: unknown[] = []
  const server = createServer(async (req, res) => {
    if (await gate(req, res)) return
    try {
      gate.required(req, res, { maxAge: 'soon' })
    } catch (error) {
      thrown.push(error)
    }
    res.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  const { port } = server.address() as { port: number }
  await new Browser().request(`http://shop.localhost:${port}/`)
  t.true(thrown[0] instanceof TypeError)
})

test('a page that wants a fresh password bounces, has it asked for, and is come back to', async t => {
  const world = await startVault('10m')
  t.teardown(() => world.close())
  const { auth, shop } = world
  const browser = new Browser()
  await signInJson(world, browser)
  t.is((await browser.visit(`${shop}/vault?box=7`)).body, VAULT)
  const before = browser.cookie(auth, 'carnet')

  t.teardown(putForward(world.store, OLD_MS))
  const program = await browser.request(`${shop}/vault`, { headers: { accept: 'application/json' } })
  t.is(program.status, 401)
  t.like(JSON.parse(program.body), { code: 401, error: 'signed_out' })
  t.deepEqual(program.cookies, [])
  t.is((await browser.visit(`${shop}/cart`)).body, 'the /cart of Ada', 'pages that do not ask stay open')

  const asked = await browser.follow(`${shop}/vault?box=7`)
  t.deepEqual(
    asked.map(({ url }) => new URL(url).pathname),
    ['/vault', '/authorize', '/signin'],
  )
  t.is(new URL(asked[1]?.url ?? '').searchParams.get('max_age'), '600')
  t.regex(asked[2]?.body ?? '', /Confirm that it is you/, 'although signed in')
  const { email, password } = ADA
  const given = await submitForm(browser, asked[2]?.url ?? '', { email, password })
  const next = /id="next" href="([^"]+)"/.exec(given.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const back = await browser.follow(next)
  t.is(back.at(-1)?.url, `${shop}/vault?box=7`)
  t.is(back.at(-1)?.body, VAULT)
  t.not(browser.cookie(auth, 'carnet'), before, 'in a session of its own')
})

test('being remembered is no fresh password', async t => {
  const world = await startVault('10m')
  t.teardown(() => world.close())
  const { auth, shop } = world
  const first = new Browser()
  await signInJson(world, first, { remember: true })
  const browser = new Browser()
  browser.plant(auth, 'carnet-remember', first.cookie(auth, 'carnet-remember') ?? '')
  await browser.visit(`${shop}/api/signin?return_to=/cart`)
  t.is((await browser.visit(`${shop}/cart`)).body, 'the /cart of Ada')
  const asked = await browser.visit(`${shop}/vault`)
  t.is(new URL(asked.url).pathname, '/signin')
  t.regex(asked.body, /Confirm that it is you/)
})

test('a maxAge shorter than the way back, and a clock that disagrees, end and do not go round', async t => {
  const world = await startVault(0)
  t.teardown(() => world.close())
  const { shop } = world
  const browser = new Browser()
  await signInJson(world, browser)
  const there = await browser.follow(`${shop}/vault`)
  t.is(there.at(-1)?.body, VAULT)
  t.is(there.length, 4)

  // The service finds the password fresh, and the agent never does.
  const ahead = await startVault('10m', OLD_MS)
  t.teardown(() => ahead.close())
  const lost = new Browser()
  await signInJson(ahead, lost)
  const round = await lost.follow(`${ahead.shop}/vault`)
  t.is(round.filter(({ url }) => new URL(url).pathname === '/authorize').length, 4)
  t.is(round.at(-1)?.status, 401)
  t.is(round.at(-1)?.headers['carnet-error'], 'signed_out')
  t.is(new URL(round.at(-1)?.url ?? '').pathname, '/vault')
})
