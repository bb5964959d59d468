import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { Browser, type Reply } from '@carnet/demo/browser'
import { pixelsOf } from '@carnet/demo/check'
import { parseSecrets, siteSecrets } from '@carnet/protocol'
import test from 'ava'
import { type ParsedMail, simpleParser } from 'mailparser'
import pg from 'pg'
import { SMTPServer } from 'smtp-server'
import { freePort } from '../support/free-port.ts'
import { prepareInstallation } from '../support/installation.ts'
import { startPostgres } from '../support/postgres.ts'
import { printed } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson } from '../support/world.ts'

// Words that are found wherever they turn up.
const planted = new Map<string, string>()
function plant(name: string, before = ''): string {
  const word = `${before}canary${randomBytes(15).toString('hex')}`
  planted.set(name, word)
  return word
}

// What only the processes have.
const old = plant('an old secret')
const secrets = `${plant('a secret')},${old}`
const SITES = ['shop', 'news', 'games']
const siteSecretsOf = (id: string) => siteSecrets(parseSecrets(secrets), id)
for (const id of SITES)
  for (const [nth, word] of siteSecretsOf(id).entries()) planted.set(`secret ${nth} of ${id}`, word)
const redisPassword = plant('the password of Redis')
const limitsPassword = plant('the password of the Redis with the limits')
const databasePassword = plant('the password of PostgreSQL')
const smtpPassword = plant('the password of the mail server')
const SERVER = [...planted.keys()]

// What people type, and programs send.
const password = plant('a password')
const newPassword = plant('a new password')
const wrong = plant('a wrong password')
const inEmail = plant('a password in the field of the address')
const inName = plant('a password in the field of the name')
const PASSWORDS = ['a password', 'a new password', 'a wrong password']
const HEADERS = {
  authorization: `Bearer ${plant('Authorization')}`,
  'proxy-authorization': `Basic ${plant('Proxy-Authorization')}`,
  'x-api-key': plant('X-Api-Key'),
  'x-forwarded-for': plant('X-Forwarded-For'),
  'x-request-id': plant('X-Request-Id'),
  referer: `http://elsewhere.localhost/?${plant('Referer')}`,
  'user-agent': `Mozilla/5.0 (${plant('User-Agent')})`,
}
const inCookie = plant('a foreign cookie')
const inQuery = plant('the query')
const inBody = plant('the body')
const SENT = [...planted.keys()].filter(name => !SERVER.includes(name))

const redis = await startRedis({ user: { name: 'carnet', password: redisPassword } })
const limits = await startRedis({ user: { name: 'limits', password: limitsPassword } })
const postgres = await startPostgres()
const databaseUrl = (await postgres.create()).replace('carnet@', `carnet:${databasePassword}@`)
const mails: ParsedMail[] = []
let refusesLogin = true
const smtpPort = await freePort()
const smtp = new SMTPServer({
  disabledCommands: ['STARTTLS'],
  allowInsecureAuth: true,
  onAuth(auth, _session, done) {
    if (refusesLogin) return done(new Error(`no ${auth.username}`))
    done(null, { user: auth.username ?? '' })
  },
  onData(stream, _session, done) {
    simpleParser(stream).then(mail => {
      mails.push(mail)
      done()
    }, done)
  },
})
smtp.on('error', () => {})
await new Promise<void>(resolve => smtp.listen(smtpPort, '127.0.0.1', () => resolve()))

const env = {
  CARNET_SECRETS: secrets,
  CARNET_REDIS_URL: redis.url,
  CARNET_LIMITS_REDIS_URL: limits.url,
  CARNET_DATABASE_URL: databaseUrl,
  CARNET_SMTP_URL: `smtp://mailer:${smtpPassword}@127.0.0.1:${smtpPort}`,
  CARNET_MAIL_FROM: 'Carnet <login@example.com>',
  CARNET_LOG_LEVEL: 'trace',
  // Node's own account of what it does is for nobody's log.
  NODE_NO_WARNINGS: '0',
}
const at = await prepareInstallation({
  sites: { shop: ', fanOut: pull', news: ', fanOut: push', games: ', fanOut: none' },
  manifest: 'accounts: { password: { cost: 10 } }',
})
let databaseStopped = false
test.after.always(async () => {
  await at.stop()
  await new Promise<void>(resolve => smtp.close(() => resolve()))
  await redis.stop()
  await limits.stop()
  if (!databaseStopped) await postgres.stop()
})

const replies: Reply[] = []
/** What was set as a cookie, or handed out as a ticket or by mail: the part that opens something. */
const handedOut = { cookies: new Set<string>(), tickets: new Set<string>(), mailed: new Set<string>() }

/** A browser that sends the planted headers with everything, and whose answers are looked at. */
class Watched extends Browser {
  override async request(...[url, options = {}]: Parameters<Browser['request']>): Promise<Reply> {
    const reply = await super.request(url, { ...options, headers: { ...HEADERS, ...options.headers } })
    replies.push(reply)
    for (const cookie of reply.cookies) {
      const value = cookie.slice(cookie.indexOf('=') + 1).split(';', 1)[0] ?? ''
      const parts = /^carnet-(silent|bounces|language)=/.test(cookie) ? [] : value.split('.')
      for (const part of [value, ...parts]) if (part.length >= 20) handedOut.cookies.add(part)
    }
    for (const [, ticket = ''] of `${reply.headers.location}\n${reply.body}`.matchAll(/ticket=([\w.~-]+)/g))
      handedOut.tickets.add(ticket)
    return reply
  }
}

function postForm(browser: Browser, url: string, fields: Record<string, string>): Promise<Reply> {
  return browser.submit(url, url, fields)
}

/** Sends what no client of ours would send; the answer's first line, if any. */
function raw(origin: string, text: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.end(text.replaceAll('HOST', `${hostname}:${port}`)),
    )
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('error', () => resolve(answer))
    socket.on('close', () => {
      replies.push({ url: origin, status: 0, headers: {}, cookies: [], body: answer })
      resolve(answer)
    })
  })
}

async function mailed(to: string, path: string): Promise<string> {
  let link: string | undefined
  await until(() => {
    const texts = mails.filter(mail => JSON.stringify(mail.to).includes(to)).map(mail => mail.text ?? '')
    link = texts.flatMap(text => text.split(/\s+/)).find(word => word.includes(path))
    return link !== undefined
  }, 30_000)
  const token = new URL(link ?? '').searchParams.get('token') ?? ''
  for (const part of [token, ...token.split('.')]) if (part.length >= 20) handedOut.mailed.add(part)
  return token
}

test.serial(
  'people and programs of all kinds come by, with words planted wherever one can be put',
  async t => {
    t.timeout(300_000)
    const { auth } = at
    const start = async (part: string) =>
      at.start(part, part === 'auth' ? env : { ...env, CARNET_SITE_SECRETS: siteSecretsOf(part).join(',') })
    for (const part of ['auth', ...SITES]) await start(part)
    await until(async () => (await new Browser().request(`${auth}/readyz`)).status === 200)
    const shop = at.origins['shop'] ?? ''

    // Registration, with a mail server that lets nobody in at first.
    const ada = new Watched()
    const person = { name: 'Ada', email: 'ada@example.com' }
    await postJson(ada, `${auth}/signup`, { ...person, password: wrong.slice(0, 8), passwordAgain: wrong })
    await postForm(ada, `${auth}/signup`, {
      name: inName,
      email: inEmail,
      password: wrong,
      passwordAgain: password,
    })
    await postForm(ada, `${auth}/signup`, {
      name: inName,
      email: 'x@example.com',
      password: wrong,
      passwordAgain: '',
    })
    const up = await postJson(ada, `${auth}/signup`, { ...person, password, passwordAgain: password })
    t.is(up.status, 200, up.body)
    const service = at.programs[0]
    await until(() => service?.output().includes('mail_delayed') === true)
    refusesLogin = false
    const token = await mailed(person.email, '/verify-email')
    await ada.request(`${auth}/verify-email?token=${token}`)
    await postJson(ada, `${auth}/verify-email`, { token: `${token}x`, password: wrong })
    t.is((await postJson(ada, `${auth}/verify-email`, { token })).status, 200)

    // Sign-ins, wrong and right, remembered and not.
    const bob = new Watched()
    await postForm(bob, `${auth}/signin?${inQuery}=${inQuery}`, { email: inEmail, password: wrong })
    await bob.request(`${auth}/signin`)
    await postForm(bob, `${auth}/signin`, { email: person.email, password: wrong })
    await postJson(bob, `${auth}/signin`, { email: inEmail, password: wrong })
    await postJson(bob, `${auth}/signin`, { email: person.email, password: wrong, [inBody]: inBody })
    const form = { email: person.email, password, remember: 'on' }
    const fanOut = await postForm(bob, `${auth}/signin`, form)
    t.is(fanOut.status, 200)
    for (const pixel of pixelsOf(fanOut.body)) {
      await bob.image(pixel, `${auth}/signin`)
      await bob.image(pixel, `${auth}/signin`)
    }
    for (const id of SITES) t.regex((await bob.visit(`${at.origins[id]}/members`)).body, /Signed in as Ada/)
    const begun = await bob.request(`${shop}/api/signin?return_to=/${inQuery}&max_age=1`)
    await bob.follow(begun.headers.location ?? '')
    await new Watched().visit(`${shop}/api/auth?ticket=shop.aaaaaaaa.${inQuery}&state=${inQuery}`)
    await new Watched().visit(`${shop}/api/auth.gif?ticket=${inQuery}&ticket=${inQuery}`)
    const remembered = new Watched()
    remembered.plant(auth, 'carnet-remember', bob.cookie(auth, 'carnet-remember') ?? '')
    t.is((await remembered.request(`${auth}/account`)).status, 200)

    // A new password by mail.
    await postJson(new Watched(), `${auth}/password/forgot`, { email: person.email })
    await postForm(new Watched(), `${auth}/password/forgot`, { email: inEmail })
    const reset = await mailed(person.email, '/password/reset')
    await ada.request(`${auth}/password/reset?token=${reset}`)
    await postForm(ada, `${auth}/password/reset`, { token: reset, password: 'short', passwordAgain: wrong })
    const renewed = { token: reset, password: newPassword, passwordAgain: newPassword }
    t.is((await postJson(ada, `${auth}/password/reset`, renewed)).status, 200)
    t.is(
      (await postJson(bob, `${auth}/signin`, { ...form, password: newPassword, remember: true })).status,
      200,
    )
    await bob.visit(`${shop}/members`)

    await malformed(auth)
    await malformed(shop)

    // Without the store, and back again.
    redis.freeze()
    for (const browser of [bob, new Watched()]) {
      await postJson(browser, `${auth}/signin`, { email: person.email, password: newPassword })
      await browser.request(`${auth}/account`)
      await browser.request(`${shop}/members`)
      await browser.request(`${shop}/api/auth?ticket=shop.aaaaaaaa.${inQuery}&state=${inQuery}`)
      await browser.submit(`${shop}/members`, `${shop}/api/signout`, {})
    }
    redis.thaw()
    await until(async () => (await new Browser().request(`${auth}/readyz`)).status === 200)
    for (const path of ['/metrics', '/healthz', '/readyz', '/account/export', '/account/sessions'])
      await bob.request(auth + path, { headers: { accept: 'application/json' } })
    t.true(handedOut.tickets.size > 3 && handedOut.mailed.size > 3 && handedOut.cookies.size > 10)
  },
)

/** What no honest client sends. */
async function malformed(origin: string): Promise<void> {
  const { hostname, port } = new URL(origin)
  const post = (type: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    new Promise<void>(resolve => {
      const options = { method: 'POST', host: '127.0.0.1', port, path: `/signin?${inQuery}`, agent: false }
      const sent = request(
        {
          ...options,
          headers: { ...HEADERS, host: `${hostname}:${port}`, 'content-type': type, ...headers },
        },
        received => {
          let text = ''
          received.on('data', chunk => {
            text += chunk
          })
          received.on('end', () => {
            replies.push({
              url: origin,
              status: received.statusCode ?? 0,
              headers: received.headers,
              cookies: [],
              body: text,
            })
            resolve()
          })
        },
      )
      sent.on('error', () => resolve())
      sent.end(body)
    })
  await post('application/json', `{"email": "${inBody}", "password": ${inBody}`)
  await post('application/json', `["${inBody}"]`)
  await post('application/json', `{"email":"a@example.com","password":"${wrong}\\u0000"}`)
  await post('application/x-www-form-urlencoded', `email=%${inBody}&password=${wrong}&password=${inBody}`)
  await post('application/json', inBody.repeat(2_000))
  await post('application/json', Buffer.from(inBody), { 'content-encoding': 'gzip' })
  await post(`text/${inBody}`, inBody)
  for (const path of [
    `/%${inQuery}`,
    `/${inQuery}`,
    `/verify-email?token=${inQuery}`,
    `/signin?site=${inQuery}`,
    `/authorize?site=shop&state=a&state=${inQuery}`,
  ]) {
    await raw(origin, `GET ${path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n`)
  }
  await raw(origin, `${inBody} / HTTP/1.1\r\nHost: HOST\r\n\r\n`)
  await raw(origin, `GET http://${inQuery}:x/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n`)
  await raw(origin, `GET / HTTP/1.1\r\nHost: HOST\r\nX-Long: ${inBody.repeat(1_000)}\r\n\r\n`)
  await raw(
    origin,
    `POST /signin HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n${inBody}`,
  )
  const forged = [
    `carnet=${inCookie}.${'a'.repeat(43)}`,
    `carnet-remember=${inCookie}.${inCookie}.${'a'.repeat(43)}`,
    `carnet-page=${inCookie}; carnet-page.sig=${inCookie}`,
    `carnet=${inCookie}; carnet=${inCookie}`,
    `__Host-carnet-claim=${inCookie}`,
    `other=${inCookie}`,
  ]
  for (const cookie of forged) {
    await raw(origin, `GET /account HTTP/1.1\r\nHost: HOST\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`)
  }
}

/** The names of what stands in a text, also in other spellings. */
function found(text: string, words: Iterable<readonly [string, string]>): string[] {
  return [...words]
    .filter(([, word]) =>
      [word, encodeURIComponent(word), Buffer.from(word).toString('base64url').slice(0, -2)].some(spelling =>
        text.includes(spelling),
      ),
    )
    .map(
      ([name, word]) =>
        `${name}: …${text.slice(Math.max(0, text.indexOf(word) - 200), text.indexOf(word) + 60)}`,
    )
}

const named = (names: readonly string[]) => [...planted].filter(([name]) => names.includes(name))
const opening = () =>
  Object.entries(handedOut).flatMap(([name, words]) => [...words].map(word => [name, word] as const))

test.serial('no answer holds a secret of ours, a password that was typed, or a header that was sent', t => {
  const words = named([
    ...SERVER,
    ...PASSWORDS,
    ...SENT.filter(name => /^(Auth|Proxy|X-|Referer|User|a foreign)/.test(name)),
  ])
  for (const { url, headers, body } of replies) {
    t.deepEqual(found(`${JSON.stringify(headers)}\n${body}`, words), [], url)
  }
})

test.serial('what opens something leaves in its own place only', t => {
  const { cookies, tickets, mailed } = handedOut
  const of = (words: Set<string>) => [...words].map(word => ['it', word] as const)
  for (const { url, headers, body } of replies) {
    const { 'set-cookie': _, location = '', ...others } = headers
    t.deepEqual(found(`${JSON.stringify(others)}\n${location}\n${body}`, of(cookies)), [], url)
    t.deepEqual(found(JSON.stringify(others), of(tickets)), [], url)
    if (!/\/(verify-email|password\/reset)/.test(url))
      t.deepEqual(found(`${location}\n${body}`, of(mailed)), [], url)
  }
})

test.serial('the database holds nothing of it in the clear', async t => {
  const client = new pg.Client(databaseUrl)
  client.on('error', () => {})
  await client.connect()
  const column = async (query: string) => (await client.query<{ it: string }>(query)).rows.map(({ it }) => it)
  const tables = await column(
    "select quote_ident(table_name) as it from information_schema.tables where table_schema = 'public'",
  )
  // A sid or the name of a series alone opens nothing: what goes with it is nowhere.
  const harmless = new Set([
    ...(await column('select sid as it from sessions')),
    ...(await column('select id as it from remember_series')),
  ])
  const words = [...planted, ...opening()].filter(([, word]) => !harmless.has(word))
  t.true(tables.length >= 6)
  t.true(harmless.size > 1)
  for (const table of tables) {
    const rows = await column(`select row_to_json(t)::text as it from ${table} t`)
    t.deepEqual(found(rows.join('\n'), words), [], table)
  }
  await client.end()
})

test.serial(
  'a database that goes away, a start that fails, and every help text say nothing either',
  async t => {
    t.timeout(300_000)
    const { auth } = at
    const bob = new Watched()
    await postgres.stop()
    databaseStopped = true
    await postJson(bob, `${auth}/signin`, { email: 'ada@example.com', password: newPassword })
    await postJson(bob, `${auth}/password/forgot`, { email: 'ada@example.com' })
    await postJson(bob, `${auth}/signup`, {
      name: inName,
      email: 'b@example.com',
      password,
      passwordAgain: password,
    })

    for (const args of [
      ['--help'],
      ['serve', '--help'],
      ['doctor', '--help'],
      ['doctor'],
      ['doctor', '--json'],
      ['user', 'list'],
      ['session', 'list'],
      ['check'],
    ])
      await at.command(args, env)
    const faulty: Record<string, string>[] = [
      { CARNET_REDIS_URL: `mysql://carnet:${redisPassword}@127.0.0.1` },
      { CARNET_REDIS_URL: `redis://carnet:${redisPassword}@127.0.0.1:x` },
      { CARNET_REDIS_URL: redisPassword },
      { CARNET_LIMITS_REDIS_URL: `redis://limits:${limitsPassword}@127.0.0.1:x` },
      { CARNET_DATABASE_URL: `oracle://carnet:${databasePassword}@127.0.0.1/x` },
      { CARNET_DATABASE_URL: `postgres://carnet:${databasePassword}@127.0.0.1:x/y` },
      { CARNET_DATABASE_URL: `postgres://carnet:${databasePassword}%zz@127.0.0.1:1/y` },
      { CARNET_SMTP_URL: `http://mailer:${smtpPassword}@127.0.0.1` },
      { CARNET_SECRETS: `${old},short` },
      { CARNET_MANIFEST: '/nowhere.yaml' },
    ]
    for (const [nth, fault] of faulty.entries()) {
      for (const args of nth % 4 === 1 ? [['serve'], ['doctor'], ['user', 'list']] : [['serve']]) {
        const { output } = await at.command(args, { ...env, CARNET_PORT: '0', ...fault })
        t.not(output, '', `${args} ${Object.keys(fault)}`)
      }
    }
    const site = at.start('games', {
      ...env,
      CARNET_SITE_SECRETS: siteSecretsOf('games').join(',').slice(0, 20),
    })
    await t.throwsAsync(site)
    for (const url of [faulty[0], faulty[1], faulty[2]]) {
      await t.throwsAsync(
        at.start('games', { ...env, CARNET_SITE_SECRETS: siteSecretsOf('games')[0], ...url }),
      )
    }
  },
)

test.serial('no process tells of it in its arguments or its name', t => {
  const words = [...planted, ...opening()]
  const living = at.programs.filter(({ process }) => process.exitCode === null && process.signalCode === null)
  t.true(living.length >= 3)
  for (const { process } of living) {
    for (const file of ['cmdline', 'comm', 'status']) {
      t.deepEqual(found(readFileSync(`/proc/${process.pid}/${file}`, 'latin1'), words), [])
    }
  }
})

test.serial('no log line, no error and no help text of any process holds any of it', async t => {
  const service = at.programs[0]
  if (service !== undefined) await printed(service, 'store_unavailable')
  const words = [...planted, ...opening()]
  let said = 0
  for (const { output, process } of at.programs) {
    said += output().length
    t.deepEqual(found(output(), words), [], process.spawnargs.slice(2).join(' '))
  }
  t.true(said > 20_000, 'they said a lot')
  for (const event of [
    'signin_refused',
    'mail_delayed',
    'mail_sent',
    'ticket_refused',
    'request_failed',
    '"request"',
  ])
    t.true(
      at.programs.some(({ output }) => output().includes(event)),
      event,
    )
})
