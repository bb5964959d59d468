import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Browser } from '@carnet/demo/browser'
import test, { type ExecutionContext } from 'ava'
import { backendKeys } from '../../packages/auth-service/src/accounts/backend.ts'
import { jsonOf } from '../support/accounts.ts'
import { postJson, startWorld, type World, whoAt } from '../support/world.ts'

type Answer = (given: { email: string; password: string }, req: IncomingMessage, res: ServerResponse) => void

/** A world whose passwords an existing backend knows. */
async function startLegacy(
  t: ExecutionContext,
  answer: Answer,
): Promise<{ world: World; seen: { body: string; req: IncomingMessage }[] }> {
  const seen: { body: string; req: IncomingMessage }[] = []
  const server = createServer((req, res) => {
    let body = ''
    req.on('data', chunk => {
      body += chunk
    })
    req.on('end', () => {
      seen.push({ body, req })
      answer(JSON.parse(body) as { email: string; password: string }, req, res)
    })
  })
  await new Promise<void>(resolve => server.listen(0, 'localhost', () => resolve()))
  const { port } = server.address() as AddressInfo
  const world = await startWorld({
    adjust: yaml => `${yaml}accounts: { credentials: "http://localhost:${port}/verify" }\n`,
  })
  t.teardown(async () => {
    await world.close()
    server.closeAllConnections()
    server.close()
  })
  return { world, seen }
}

const send = (res: ServerResponse, status: number, body: unknown) => {
  res.statusCode = status
  res.end(typeof body === 'string' ? body : JSON.stringify(body))
}

const LIN = { id: 42, email: 'Lin@Example.com', name: 'Lin', roles: ['editor'] }

const signIn = (world: World, browser: Browser, password = 'short') =>
  postJson(browser, `${world.auth}/signin`, { email: 'lin@example.com', password })

test('an existing backend is asked, by a signed request, and its users sign in at every site', async t => {
  const { world, seen } = await startLegacy(t, ({ email, password }, _req, res) => {
    if (email === 'lin@example.com' && password === 'short') send(res, 200, { user: LIN })
    else send(res, 401, {})
  })
  const browser = new Browser()
  const reply = await signIn(world, browser)
  t.is(reply.status, 200, reply.body)
  t.like(jsonOf(reply).data?.['user'], {
    email: 'lin@example.com',
    name: 'Lin',
    emailVerified: true,
  })
  await browser.visit(`${world.shop}/members`)
  t.is(await whoAt(browser, world.shop), 'lin@example.com')

  const [request] = seen
  const timestamp = String(request?.req.headers['carnet-timestamp'])
  t.true(Math.abs(Date.now() - Number(timestamp)) < 60_000)
  t.deepEqual(JSON.parse(request?.body ?? ''), { email: 'lin@example.com', password: 'short' })
  t.regex(String(request?.req.headers['carnet-signature']), /^[0-9a-f]{64}$/)

  const { data } = jsonOf(
    await browser.request(`${world.auth}/account/sessions`, { headers: { accept: 'application/json' } }),
  )
  const [own] = (data?.['sessions'] ?? []) as { id: string }[]
  await signIn(world, new Browser())
  const page = await browser.request(`${world.auth}/account/sessions`)
  t.regex(page.body, /name="end"/)
  t.notRegex(page.body, /name="notMe"/, 'no new password can be chosen here')
  const disowned = { end: own?.id, notMe: true }
  t.is((await postJson(new Browser(), `${world.auth}/account/sessions`, disowned)).status, 401)
  t.is((await postJson(browser, `${world.auth}/account/sessions`, disowned)).status, 403)

  t.is(jsonOf(await signIn(world, new Browser(), 'wrong')).error, 'invalid_credentials')
  t.is((await signIn(world, new Browser())).status, 200, 'a second time')
  t.is((await world.service.users.list()).filter(({ user }) => user.email === 'lin@example.com').length, 1)
  const lin = await world.service.users.find({ email: 'lin@example.com' })
  await world.service.users.change(lin?.user.id ?? '', { disabled: true })
  t.is((await signIn(world, new Browser())).status, 401, 'who is disabled here stays out')
})

test('the signature is the one that the printed key makes', t => {
  const key = backendKeys(['x'.repeat(32)])[0]
  t.regex(key, /^[\w-]{43}$/)
  t.is(createHmac('sha256', key).update('1.{}').digest('hex').length, 64)
  t.not(backendKeys(['y'.repeat(32)])[0], key)
})

test('what changed at the backend is known at the next sign-in, in all live sessions', async t => {
  let user: object = LIN
  const { world } = await startLegacy(t, (_given, _req, res) => send(res, 200, { user }))
  const browser = new Browser()
  await signIn(world, browser)
  await browser.visit(`${world.shop}/members`)
  user = { ...LIN, name: 'Lin Müller', email: 'lin.m@example.com', roles: [] }
  await signIn(world, new Browser())
  const session = jsonOf(await browser.request(`${world.shop}/api/session`))
  t.like(session.data?.['user'], { name: 'Lin Müller', email: 'lin.m@example.com', roles: [] })
})

test('a backend that is away, slow, or talks nonsense is a 503, and never a sign-in', async t => {
  const answers: Answer[] = [
    (_given, _req, res) => send(res, 500, {}),
    (_given, _req, res) => send(res, 200, 'not json'),
    (_given, _req, res) => send(res, 200, {}),
    (_given, _req, res) => send(res, 200, { user: { id: 1, email: 'no address', name: 'X' } }),
    (_given, _req, res) => send(res, 200, { user: { email: 'lin@example.com' } }),
    (_given, _req, res) => {
      res.statusCode = 302
      res.setHeader('Location', '/elsewhere')
      res.end()
    },
    (_given, req) => req.socket.destroy(),
    () => {},
  ]
  let at = 0
  const { world } = await startLegacy(t, (given, req, res) => answers[at]?.(given, req, res))
  for (at = 0; at < answers.length; at++) {
    const reply = await signIn(world, new Browser())
    t.is(reply.status, 503, String(at))
    t.is(jsonOf(reply).error, 'store_unavailable')
    t.truthy(reply.headers['retry-after'])
    t.deepEqual(reply.cookies, [])
  }
})

test('where a backend keeps the accounts, they are opened and changed there', async t => {
  const { world } = await startLegacy(t, (_given, _req, res) => send(res, 200, { user: LIN }))
  const browser = new Browser()
  await signIn(world, browser)
  for (const path of [
    '/signup',
    '/password/forgot',
    '/password/reset?token=x',
    '/account/password',
    '/account/email',
    '/account/delete',
  ])
    t.is((await (path === '/signup' ? new Browser() : browser).request(world.auth + path)).status, 403, path)
  const account = await browser.request(`${world.auth}/account`)
  t.regex(account.body, /kept by another system/)
  t.false(account.body.includes('/account/password'))
  const page = await new Browser().request(`${world.auth}/signin`)
  t.false(page.body.includes('/signup') || page.body.includes('/password/forgot'))
})

test('the backend is right about addresses: one that was known becomes the user’s, one that moved gives way', async t => {
  let user: object = LIN
  const { world } = await startLegacy(t, (_given, _req, res) => send(res, 200, { user }))
  const before = await world.service.users.add({
    email: 'lin@example.com',
    password: 'an old password of ours',
    name: 'L',
    roles: ['author'],
  })
  user = { ...LIN, roles: undefined }
  t.like(jsonOf(await signIn(world, new Browser())).data?.['user'], {
    id: before.id,
    name: 'Lin',
    roles: ['author'],
  })
  user = { ...LIN, id: 43, name: 'Another Lin' }
  const second = jsonOf(await signIn(world, new Browser())).data?.['user']
  t.like(second, { email: 'lin@example.com', name: 'Another Lin' })
  t.not((second as { id: string }).id, before.id)
  user = { ...LIN, email: 'lin.new@example.com' }
  t.like(jsonOf(await signIn(world, new Browser())).data?.['user'], {
    id: before.id,
    email: 'lin.new@example.com',
  })
})
