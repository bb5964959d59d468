import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import { createApp } from '@carnet/examples/fastify/app'
import * as nextApi from '@carnet/examples/next/app/api/[...carnet]/route'
import * as nextMembers from '@carnet/examples/next/app/members/route'
import { gate as nextGate } from '@carnet/examples/next/gate'
import { MemoryStore, parseManifest } from '@carnet/protocol'
import { type Agent, createAgent } from '@carnet/site-agent'
import { carnet as expressCarnet } from '@carnet/site-agent/express'
import { carnet as fastifyCarnet } from '@carnet/site-agent/fastify'
import { carnet as fetchCarnet } from '@carnet/site-agent/fetch'
import { carnet as honoCarnet } from '@carnet/site-agent/hono'
import { getRequestListener } from '@hono/node-server'
import test from 'ava'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { signedIn, signInJson, startWorld, type World } from '../support/world.ts'

const SECRETS = 'a secret of thirty-two bytes or so'
const SHOP = 'http://shop.localhost'
const manifest = parseManifest(
  `auth: http://auth.localhost
sites: [{ id: shop, origin: "${SHOP}", aliases: ["http://www.shop.localhost"], silent: true }]`,
  'sites.yaml',
)
const agent = await createAgent({ site: 'shop', manifest, secrets: SECRETS, store: new MemoryStore() })

// The example of Next.js reads its environment at the first request.
let yaml = ''
const listeners: ReturnType<typeof getRequestListener>[] = []
const world: World = await startWorld({
  store: 'memory:',
  adjust: text => {
    yaml = text
    return text
  },
  tap(part, req, res) {
    if (part !== 'shop') return false
    // Next.js says where a request came from, where no proxy has.
    req.headers['x-forwarded-for'] ??= req.socket.remoteAddress
    req.rawHeaders.push('x-forwarded-for', String(req.headers['x-forwarded-for']))
    void listeners[0]?.(req, res)
    return true
  },
})
const file = join(mkdtempSync(join(tmpdir(), 'carnet-next-')), 'sites.yaml')
writeFileSync(file, yaml)
Object.assign(process.env, {
  CARNET_SITE: 'shop',
  CARNET_MANIFEST: file,
  CARNET_SITE_SECRETS: SECRETS,
  CARNET_REDIS_URL: 'memory:',
  CARNET_TRUST_PROXY: '127.0.0.1',
})
test.after.always(async () => {
  await agent.close()
  await world.close()
})

test('Next.js: route handlers sign in by a bounce and out, and server components learn who it is from the headers', async t => {
  listeners.push(
    getRequestListener(async request => {
      const { pathname } = new URL(request.url)
      if (pathname === '/members') return nextMembers.GET(request)
      // As Next.js has it: HEAD goes to GET.
      const handle = { GET: nextApi.GET, HEAD: nextApi.GET, POST: nextApi.POST }[request.method]
      return handle?.(request) ?? new Response(null, { status: 405 })
    }),
  )
  const { shop } = world
  const browser = new Browser()
  await signInJson(world, browser)
  t.is((await browser.visit(`${shop}/members`)).body, 'Members: Ada')
  const cookie = `carnet=${browser.cookie(shop, 'carnet')}`
  t.is((await nextGate.session(new Headers({ cookie })))?.user.name, 'Ada')
  t.is(await nextGate.session(new Headers({ cookie: `${cookie}x` })), null)
  const other = (await signedIn(world)).cookie(shop, '__Host-carnet-claim')
  const both = new Headers({ cookie: `${cookie}; __Host-carnet-claim=${other}` })
  t.not(other, null)
  t.is((await nextGate.session(both))?.user.name, 'Ada', 'a page alone swaps no claim')
  const missing = await browser.request(`${shop}/api/nothing`)
  t.deepEqual([missing.status, JSON.parse(missing.body).error], [404, 'not_found'])
  t.is((await browser.request(`${shop}/api/session`, { method: 'HEAD' })).status, 405)
  t.is((await browser.submit(`${shop}/`, '/api/signout', {})).status, 303)
  t.is(await nextGate.session(new Headers({ cookie })), null)
})

test('fetch: an app’s response gets the cookies, however fixed its headers are; an upgrade is left alone', async t => {
  const gate = fetchCarnet(agent, { peer: () => '127.0.0.1' })
  const request = () => new Request(`${SHOP}/`)
  const visit = await gate(request())
  t.deepEqual([visit.response, visit.session], [null, null])
  const own = new Response('mine', { headers: { 'Set-Cookie': 'a=1' } })
  t.is(visit.pass(own), own, 'no copy where none is needed')
  t.deepEqual(own.headers.getSetCookie().map(nameOf), ['a', 'carnet-silent'])

  const away = visit.pass(Response.redirect(`${SHOP}/there`, 307))
  t.deepEqual([away.status, away.headers.get('location')], [307, `${SHOP}/there`])
  t.deepEqual(away.headers.getSetCookie().map(nameOf), ['carnet-silent'])
  const fetched = visit.pass(await fetch('data:text/plain,fetched'))
  t.deepEqual([await fetched.text(), fetched.headers.getSetCookie().length], ['fetched', 1])

  const head = await gate(new Request(`${SHOP}/api/session`, { method: 'HEAD' }))
  t.deepEqual([head.response?.status, head.response?.body], [405, null])

  const upgrade = { status: 101 } as Response
  t.is(visit.pass(upgrade), upgrade)
  t.is(await gate.handler(() => undefined)(request()), undefined, 'as Bun has it')
})

test('fetch: an agent still to be made is made at the first request, once, and again where that failed', async t => {
  let tries = 0
  const gate = fetchCarnet(
    async () => {
      tries += 1
      if (tries === 1) throw new Error('no secrets yet')
      return agent
    },
    { peer: () => '127.0.0.1' },
  )
  t.is(tries, 0)
  await t.throwsAsync(gate(new Request(`${SHOP}/`)), { message: 'no secrets yet' })
  await Promise.all([gate(new Request(`${SHOP}/`)), gate(new Request(`${SHOP}/`))])
  t.is(tries, 2)
})

test('what a program has forgotten is told at the start, or at the first request', async t => {
  t.throws(() => fetchCarnet(agent, {} as never), { instanceOf: TypeError, message: /`peer` is missing/ })
  for (const { required } of [expressCarnet, fastifyCarnet, honoCarnet]) {
    t.throws(() => required({ maxAge: 'soon' }), { instanceOf: TypeError })
  }
  await t.throwsAsync(async () => Fastify().register(fastifyCarnet, {} as { agent: Agent }), {
    instanceOf: TypeError,
    message: /`agent` is missing/,
  })
  const told: string[] = []
  const hono = new Hono().use(honoCarnet.required()).onError((error, c) => {
    told.push(error.message)
    return c.text('')
  })
  await hono.request('/')
  const fastify = Fastify()
  fastify.get('/', { onRequest: fastifyCarnet.required() }, async () => '')
  told.push((await fastify.inject('/')).json<Error>().message)
  t.deepEqual(told, [
    'Mount carnet(agent) before carnet.required().',
    'Register carnet before carnet.required().',
  ])
})

test('Hono: a response whose headers are fixed gets the cookies, and an upgrade is left alone', async t => {
  const app = new Hono()
  const upgrade = Object.defineProperty(new Response(null), 'status', { value: 101 })
  app.use(honoCarnet(agent, { peer: () => '127.0.0.1' }))
  app.get('/gone', () => Response.redirect(`${SHOP}/there`, 302))
  app.get('/socket', () => upgrade)
  const gone = await app.request(`${SHOP}/gone`)
  t.deepEqual([gone.status, gone.headers.getSetCookie().map(nameOf)], [302, ['carnet-silent']])
  t.is(await app.request(`${SHOP}/socket`), upgrade)
})

test('Fastify: routes of the agent need none of the app, and the name of an HTTP/2 request is its authority', async t => {
  const app = await createApp(agent)
  t.is((await app.inject('/api/healthz')).json<{ message: string }>().message, 'alive')
  const form = { method: 'POST', url: '/api/signout', payload: 'any=field' } as const
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const refused = await app.inject({ ...form, headers })
  t.deepEqual([refused.statusCode, refused.headers['carnet-error']], [403, 'csrf'], 'no parser was asked for')

  const modern = Fastify({ http2: true })
  await modern.register(fastifyCarnet, { agent })
  modern.get('/members', { onRequest: fastifyCarnet.required() }, async () => 'Members')
  await modern.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => modern.close())
  const session = connect(`http://127.0.0.1:${(modern.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  const answered = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const stream = session.request({ ':path': '/members', ':authority': 'www.shop.localhost' })
    stream.on('response', resolve).on('error', reject).end()
  })
  t.is(answered[':status'], 303)
  t.is(new URL(String(answered['location'])).searchParams.get('origin'), 'http://www.shop.localhost')
})

test('Express: the parameters of a route keep their types behind required()', async t => {
  const app = express()
  app.use(expressCarnet(agent))
  app.get('/orders/:id', expressCarnet.required(), (req, res) => {
    const id: string = req.params.id
    res.send(id)
  })
  t.pass()
})

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}
