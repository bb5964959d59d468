import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { ADA } from '@carnet/demo'
import { Browser, type Reply } from '@carnet/demo/browser'
import type { Agent } from '@carnet/site-agent'
import test from 'ava'
import { submitForm } from '../../support/accounts.ts'
import { signedIn, signInJson, startWorld, type World, whoAt } from '../../support/world.ts'
import { BIG, type Serve, Streams, withFields } from './workshop.ts'

/** A world whose shop is served by a stack. */
export interface Subject {
  readonly world: World
  readonly streams: Streams
}

/** Starts the world of a stack: its shop is the stack's example, and asks silently. */
export async function startSubject(serve: Serve): Promise<Subject> {
  const streams = new Streams()
  let listener: Awaited<ReturnType<Serve>> | null = null
  const world = await startWorld({
    adjust: yaml => yaml.replace('fanOut: pull }', 'fanOut: pull, silent: true }'),
    tap(part, req, res) {
      if (part === 'shop') listener?.(req, res)
      return part === 'shop'
    },
  })
  listener = await serve(withFields(world.agents['shop'] as Agent), streams)
  return { world, streams }
}

/** What every adapter owes its stack and the stack's own parts. */
export function conforms(stack: string, { world, streams }: Subject): void {
  test.after.always(`${stack} ends`, () => world.close())
  const { auth, shop } = world

  /** A browser that came by a bounce. */
  async function member(): Promise<Browser> {
    const browser = new Browser()
    await signInJson(world, browser)
    await browser.visit(`${shop}/members`)
    return browser
  }

  test(`${stack}: a members' page bounces to the sign-in and is come back to, and HEAD has the same head`, async t => {
    const browser = new Browser()
    const away = await browser.follow(`${shop}/members?from=mail`)
    t.deepEqual(
      away.map(({ url }) => new URL(url).pathname),
      ['/members', '/authorize', '/signin'],
    )
    const { email, password } = ADA
    const done = await submitForm(browser, away.at(-1)?.url ?? '', { email, password })
    const next = /id="next" href="([^"]+)"/.exec(done.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const back = (await browser.follow(next)).at(-1)
    t.is(back?.url, `${shop}/members?from=mail`)
    t.is(back?.body, 'Members: Ada')
    t.is((await browser.visit(`${shop}/`)).body, 'Hello Ada')
    const head = await browser.request(`${shop}/members`, { method: 'HEAD' })
    t.deepEqual([head.status, head.body], [200, ''])
  })

  test(`${stack}: the pixel's claim is swapped on the first visit`, async t => {
    const browser = await signedIn(world)
    t.not(browser.cookie(shop, '__Host-carnet-claim'), null)
    const visit = await browser.follow(`${shop}/members?a=%2F&b`)
    t.deepEqual(
      visit.map(({ url, status }) => [url, status]),
      [
        [`${shop}/members?a=%2F&b`, 303],
        [`${shop}/members?a=%2F&b`, 200],
      ],
    )
    t.is(browser.cookie(shop, '__Host-carnet-claim'), null)
  })

  test(`${stack}: programs get 401 as JSON, and who lacks the role gets 403`, async t => {
    const stranger = new Browser()
    const program = await stranger.request(`${shop}/members`, { headers: { 'sec-fetch-mode': 'cors' } })
    t.is(program.status, 401)
    t.like(JSON.parse(program.body), { code: 401, error: 'signed_out' })
    t.is(program.headers['content-type'], 'application/json; charset=utf-8')
    const head = await stranger.request(`${shop}/members`, { method: 'HEAD' })
    t.deepEqual([head.status, head.body], [303, ''])
    const browser = await member()
    const page = await browser.visit(`${shop}/editors`)
    t.deepEqual([page.status, page.headers['carnet-error']], [403, 'forbidden'])
    t.regex(page.headers['content-type'] ?? '', /^text\/html/)
    const json = await browser.request(`${shop}/editors`, { headers: { accept: 'application/json' } })
    t.like(JSON.parse(json.body), { code: 403, error: 'forbidden' })
  })

  test(`${stack}: a page below a mount is come back to as the browser asked for it`, async t => {
    const browser = new Browser()
    await signInJson(world, browser)
    const there = await browser.follow(`${shop}/deep/members?x=1`)
    t.is(there.at(-1)?.url, `${shop}/deep/members?x=1`)
    t.is(there.at(-1)?.body, 'Deep')
  })

  test(`${stack}: an open page asks silently, once, where the browser keeps cookies`, async t => {
    const browser = new Browser()
    const first = await browser.request(`${shop}/`)
    t.is(first.body, 'Hello stranger')
    t.deepEqual(namesOf(first), ['carnet-silent'])
    await signInJson(world, browser)
    const second = await browser.follow(`${shop}/?x=1`)
    t.is(new URL(second[1]?.url ?? '').searchParams.get('prompt'), 'none')
    t.deepEqual([second.at(-1)?.url, second.at(-1)?.body], [`${shop}/?x=1`, 'Hello Ada'])
  })

  test(`${stack}: signing out counts at once, by form and by JSON, whoever parses the body first`, async t => {
    const ways: Record<string, string>[] = [{}, { 'x-parser': 'first' }]
    for (const more of ways) {
      const browser = await member()
      const reply = await browser.request(`${shop}/api/signout`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: shop, ...more },
        body: '{}',
      })
      t.deepEqual([reply.status, JSON.parse(reply.body).message], [200, 'signout success'])
      t.is(await whoAt(browser, shop), 'signed_out')
    }
    const browser = await member()
    const reply = await browser.submit(`${shop}/`, '/api/signout', { any: 'field' })
    t.deepEqual([reply.status, reply.headers.location], [303, `${shop}/`])
    t.is(browser.cookie(shop, 'carnet'), null)
    t.is((await browser.visit(`${shop}/members`)).url.startsWith(`${auth}/signin`), true)
  })

  test(`${stack}: a bad ticket opens nothing, and no cookie is set`, async t => {
    const browser = new Browser()
    const pixel = await browser.request(
      `${shop}/api/auth.gif?ticket=shop.aaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb`,
    )
    t.deepEqual([pixel.status, pixel.body, namesOf(pixel)], [401, '', []])
    t.is(pixel.headers['carnet-error'], 'ticket_unknown')
    t.is(pixel.headers['cache-control'], 'no-store')
    const twice = await browser.request(`${shop}/api/auth.gif?ticket=a&ticket=b`)
    t.deepEqual([twice.status, namesOf(twice)], [400, []])
    const head = await browser.request(`${shop}/api/auth.gif?ticket=a`, { method: 'HEAD' })
    t.deepEqual([head.status, head.headers.allow, head.body, namesOf(head)], [405, 'GET', '', []])
  })

  test(`${stack}: a stream's first half arrives before its second is made`, async t => {
    const browser = await member()
    const { port } = new URL(shop)
    const halves: string[] = []
    await new Promise<void>((resolve, reject) => {
      const headers = {
        host: new URL(shop).host,
        'user-agent': 'carnet-demo/1.0',
        cookie: `carnet=${browser.cookie(shop, 'carnet')}`,
      }
      const sent = request({ host: '127.0.0.1', port, path: '/stream', headers, agent: false }, received => {
        received.on('data', (chunk: Buffer) => {
          halves.push(chunk.toString())
          streams.release()
        })
        received.on('end', resolve)
        received.on('error', reject)
      })
      sent.on('error', reject)
      sent.end()
    })
    t.deepEqual(halves, ['first half, ', 'second half'])
  })

  test(`${stack}: five megabytes pass untouched in either direction`, async t => {
    const browser = await member()
    const digest = createHash('sha256').update(BIG).digest('hex')
    const down = await browser.request(`${shop}/download`)
    t.is(createHash('sha256').update(Buffer.from(down.body, 'latin1')).digest('hex'), digest)
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(BIG.length) }
    const { host, port } = new URL(shop)
    const said = await new Promise<string>((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          path: '/upload',
          method: 'POST',
          headers: { host, ...headers },
          agent: false,
        },
        received => received.once('data', (chunk: Buffer) => resolve(chunk.toString())).on('error', reject),
      )
      sent.on('error', reject)
      sent.end(BIG)
    })
    t.is(said, digest)
  })

  test(`${stack}: the app's own parser has the body, before the agent and after it`, async t => {
    const ways: Record<string, string>[] = [{}, { 'x-parser': 'first' }]
    for (const more of ways) {
      const reply = await new Browser().request(`${shop}/json`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...more },
        body: '{"name":"Ada"}',
      })
      t.deepEqual(JSON.parse(reply.body), { name: 'Ada' }, JSON.stringify(more))
    }
  })

  test(`${stack}: the agent reads the fields of a body, and takes what a parser has read`, async t => {
    const ways: Record<string, string>[] = [{}, { 'x-parser': 'first' }, { 'x-parser': 'json' }]
    const bodies = {
      'application/json': '{"email":"ada@example.com"}',
      'application/x-www-form-urlencoded': 'email=ada%40example.com',
    }
    for (const more of ways) {
      for (const [type, body] of Object.entries(bodies)) {
        const headers = { 'content-type': type, ...more }
        const reply = await new Browser().request(`${shop}/api/fields`, { method: 'POST', headers, body })
        t.deepEqual(JSON.parse(reply.body), { email: 'ada@example.com' }, `${type} ${JSON.stringify(more)}`)
      }
    }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ long: 'x'.repeat(20_000) })
    const long = await new Browser().request(`${shop}/api/fields`, { method: 'POST', headers, body })
    t.deepEqual(JSON.parse(long.body), { refused: 'The body is larger than 16 kB.' })
  })

  test(`${stack}: the app's session and cookies stay, and the agent's arrive beside them`, async t => {
    const browser = new Browser()
    const first = await browser.request(`${shop}/counter`)
    t.is(first.body, '1 by nobody')
    const names = [...new Set(first.cookies.map(nameOf))].sort()
    t.deepEqual(names, ['a', 'b', 'carnet-silent', 'early', 'visits'])
    await signInJson(world, browser)
    const second = await browser.visit(`${shop}/counter`)
    t.is(second.body, '2 by Ada')
    t.is((await browser.visit(`${shop}/counter`)).body, '3 by Ada')
  })

  test(`${stack}: what the app does not find, and what breaks in it, is the app's to answer`, async t => {
    for (const [path, status, body] of [
      ['/none', 404, 'No such page.'],
      ['/boom', 500, 'It broke.'],
    ] as const) {
      const reply: Reply = await new Browser().request(shop + path)
      t.deepEqual([reply.status, reply.body], [status, body])
      t.deepEqual(namesOf(reply), ['carnet-silent'])
    }
  })
}

/** The cookies that an answer sets, without the one that the app sets everywhere. */
function namesOf(reply: Reply): string[] {
  return reply.cookies.map(nameOf).filter(name => name !== 'early')
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}
