import { createHmac, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Browser, type Reply } from '@carnet/demo/browser'
import { pixelsOf } from '@carnet/demo/check'
import { parseSecrets, siteSecrets } from '@carnet/protocol'
import test, { type ExecutionContext } from 'ava'
import { GOOD_PASSWORD, jsonOf, type Mail, tokenIn } from '../support/accounts.ts'
import { type Installation, prepareInstallation } from '../support/installation.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, whoAt } from '../support/world.ts'

const secret = () => randomBytes(32).toString('base64url')
const JSON_ONLY = { accept: 'application/json' }

async function installation(t: ExecutionContext, each: number): Promise<Installation> {
  const redis = await startRedis()
  const at = await prepareInstallation({
    sites: { shop: ', fanOut: none', games: ', fanOut: pull' },
    manifest: 'accounts: { password: { cost: 10 } }',
    each,
    common: { CARNET_REDIS_URL: redis.url },
  })
  t.teardown(async () => {
    await at.stop()
    await redis.stop()
  })
  return at
}

/** What a part is given of the secrets. */
function environment(part: string, secrets: string): Record<string, string> {
  return part === 'auth'
    ? { CARNET_SECRETS: secrets }
    : { CARNET_SITE_SECRETS: siteSecrets(parseSecrets(secrets), part).join(',') }
}

async function addUser(at: Installation, email: string, secrets: string): Promise<string> {
  const args = ['user', 'add', email, '--verified']
  const { code, output } = await at.command(args, environment('auth', secrets), `${GOOD_PASSWORD}\n`)
  if (code !== 0) throw new Error(output)
  return email
}

async function signedIn(auth: string, email: string, remember = false): Promise<Browser> {
  const browser = new Browser()
  const reply = await postJson(browser, `${auth}/signin`, { email, password: GOOD_PASSWORD, remember })
  if (reply.status !== 200) throw new Error(`${reply.status} ${reply.body}`)
  return browser
}

/** Who is signed in at the auth service, by its own word. */
async function whoAtAuth(browser: Browser, auth: string): Promise<string> {
  const reply = await browser.request(`${auth}/account`, { headers: JSON_ONLY })
  return String((jsonOf(reply).data?.['user'] as { email: string } | undefined)?.email ?? jsonOf(reply).error)
}

/** A browser that has nothing but what it is remembered by. */
function onlyRemembered(browser: Browser, auth: string): Browser {
  const other = new Browser()
  other.plant(auth, 'carnet-remember', browser.cookie(auth, 'carnet-remember') ?? '')
  return other
}

/** The token that a browser is remembered by, without its signature. */
function tokenOf(browser: Browser, auth: string): string | undefined {
  return browser.cookie(auth, 'carnet-remember')?.split('.')[1]
}

async function mailTo(auth: string, email: string, path: string): Promise<Mail> {
  let found: Mail | undefined
  await until(async () => {
    const reply = await new Browser().request(`${auth}/dev/mail`, { headers: JSON_ONLY })
    const { data } = JSON.parse(reply.body) as { data: Mail[] }
    found = data.find(({ to, text }) => to === email && text.includes(path))
    return found !== undefined
  })
  return found as Mail
}

function postForm(browser: Browser, url: string, fields: Record<string, string>): Promise<Reply> {
  return browser.request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })
}

/** Everything that somebody may hold of us at a moment, each ready to be gone on with. */
async function hold(
  { auth, origins }: Installation,
  email: string,
): Promise<() => Promise<Record<string, string>>> {
  const { shop = '', games = '' } = origins
  const browser = await signedIn(auth, email)
  await browser.visit(`${shop}/members`)

  const remembered = onlyRemembered(await signedIn(auth, email, true), auth)

  const form = new Browser()
  const page = await form.request(`${auth}/signin`)
  const form_token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? ''

  const bouncing = await signedIn(auth, email)
  const bounce = await bouncing.request(`${shop}/api/signin?return_to=/members`)
  const pulling = await signedIn(auth, email)
  const pull = await pulling.request(`${games}/api/auth.gif`, { page: `${auth}/signin` })

  const claiming = new Browser()
  const fanOut = await postForm(claiming, `${auth}/signin`, {
    ...(await formOf(claiming, `${auth}/signin`)),
    email,
    password: GOOD_PASSWORD,
  })
  for (const pixel of pixelsOf(fanOut.body)) await claiming.image(pixel, `${auth}/signin`)

  await postJson(new Browser(), `${auth}/password/forgot`, { email })
  const token = tokenIn(await mailTo(auth, email, '/password/reset'))

  return async () => {
    const seen: Record<string, string> = {}
    seen['session at auth'] = await whoAtAuth(browser, auth)
    seen['session at a site'] = await whoAt(browser, shop)
    seen['remembered browser'] = await whoAtAuth(remembered, auth)
    const sent = await postForm(form, `${auth}/signin`, { form_token, email, password: GOOD_PASSWORD })
    seen['open form'] = sent.status < 400 ? 'taken' : String(sent.headers['carnet-error'])
    seen['bounce under way'] = await comeBack(bouncing, auth, email, bounce.headers.location ?? '')
    seen['pull under way'] = await comeBack(pulling, auth, email, pull.headers.location ?? '')
    seen['claim'] = await whoAt(claiming, games)
    const passwords = { password: `${GOOD_PASSWORD} too`, passwordAgain: `${GOOD_PASSWORD} too` }
    const reset = await postJson(new Browser(), `${auth}/password/reset`, { token, ...passwords })
    seen['mailed link'] = reset.status === 200 ? 'taken' : 'refused'
    return seen
  }
}

async function formOf(browser: Browser, url: string): Promise<{ form_token: string }> {
  const page = await browser.request(url)
  return { form_token: /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? '' }
}

/** From the auth service back to the site; who is no longer signed in there signs in on the way. */
async function comeBack(browser: Browser, auth: string, email: string, authorize: string): Promise<string> {
  if ((await whoAtAuth(browser, auth)) !== email) {
    await postJson(browser, `${auth}/signin`, { email, password: GOOD_PASSWORD })
  }
  const page = authorize.includes('mode=pixel') ? { page: `${auth}/signin` } : {}
  const issued = await browser.request(authorize, page)
  const reply = await browser.request(issued.headers.location ?? '', page)
  const wentOn = reply.status === 200 || reply.headers.location?.endsWith('/members') === true
  return wentOn
    ? 'taken'
    : /~2$|%7E2$/.test(reply.headers.location ?? '')
      ? 'asked again'
      : String(reply.headers['carnet-error'])
}

const held = (email: string) => ({
  'session at auth': email,
  'session at a site': email,
  'remembered browser': email,
  'open form': 'taken',
  'bounce under way': 'taken',
  'pull under way': 'taken',
  claim: email,
  'mailed link': 'taken',
})

test.serial(
  'what was made under the old secret holds while both are there, and not after; what is made then holds without the old one',
  async t => {
    t.timeout(300_000)
    const at = await installation(t, 1)
    const [a, b] = [secret(), secret()]
    const restart = async (secrets: string) => {
      for (const part of ['auth', 'shop', 'games']) await at.start(part, environment(part, secrets))
      await ready(at)
    }
    const emails = ['one@example.com', 'two@example.com', 'three@example.com'] as const
    for (const email of emails) await addUser(at, email, a)

    await restart(a)
    const goOn = await hold(at, emails[0])
    const goOnTooLate = await hold(at, emails[1])
    await restart(`${b},${a}`)
    t.deepEqual(await goOn(), held(emails[0]))
    const goOnLater = await hold(at, emails[2])
    await restart(b)
    t.deepEqual(await goOnLater(), held(emails[2]), 'the new one signs')
    t.deepEqual(await goOnTooLate(), {
      'session at auth': 'signed_out',
      'session at a site': 'signed_out',
      'remembered browser': 'signed_out',
      'open form': 'csrf',
      'bounce under way': 'asked again',
      'pull under way': 'state_mismatch',
      claim: 'signed_out',
      'mailed link': 'refused',
    })
  },
)

test.serial('a remembered browser whose tabs come back before and after the change is no thief', async t => {
  t.timeout(300_000)
  const at = await installation(t, 1)
  const { auth } = at
  const [a, b] = [secret(), secret()]
  const email = await addUser(at, 'tabs@example.com', a)
  await at.start('auth', environment('auth', a))
  await ready(at, ['auth'])
  const owner = await signedIn(auth, email, true)
  const [before, after] = [onlyRemembered(owner, auth), onlyRemembered(owner, auth)]
  t.is(await whoAtAuth(before, auth), email)
  await at.start('auth', environment('auth', `${b},${a}`))
  await ready(at, ['auth'])
  t.is(await whoAtAuth(after, auth), email)
  t.is(tokenOf(after, auth), tokenOf(before, auth), 'the same successor')
  for (const browser of [after, before, after]) {
    t.is(await whoAtAuth(onlyRemembered(browser, auth), auth), email)
  }
})

/** Waits until the processes of all parts can serve. */
async function ready(at: Installation, parts = ['auth', 'shop', 'games'], each = 1): Promise<void> {
  for (const part of parts) {
    for (const origin of at.processes(part).slice(0, each)) {
      await until(async () =>
        part === 'auth'
          ? (await new Browser().request(`${origin}/readyz`)).status === 200
          : (await whoAt(new Browser(), origin)) === 'signed_out',
      )
    }
  }
}

/** Restarts one process after the other; in between everybody goes on, at each of them. */
async function rollOut(t: ExecutionContext, at: Installation, email: string, secrets: string): Promise<void> {
  const [auth] = at.processes('auth') as [string, string]
  for (const part of ['auth', 'shop']) {
    for (const nth of [0, 1]) {
      const browser = await signedIn(auth, email)
      for (const origin of at.processes('shop')) await browser.visit(`${origin}/members`)
      const remembered = onlyRemembered(await signedIn(auth, email, true), auth)
      await at.start(part, environment(part, secrets), nth)
      await ready(at, ['auth', 'shop'], 2)
      await goesOn(t, at, { browser, remembered, email })
    }
  }
}

async function goesOn(
  t: ExecutionContext,
  at: Installation,
  { browser, remembered, email }: { browser: Browser; remembered: Browser; email: string },
): Promise<void> {
  for (const part of ['auth', 'shop']) {
    for (const origin of at.processes(part)) {
      t.is(await (part === 'auth' ? whoAtAuth(browser, origin) : whoAt(browser, origin)), email, origin)
    }
  }
  // Each process turns the token that another one has made, and parallel tabs see one successor.
  for (const origin of [...at.processes('auth'), ...at.processes('auth')]) {
    const tab = onlyRemembered(remembered, origin)
    t.is(await whoAtAuth(remembered, origin), email, `remembered at ${origin}`)
    t.is(await whoAtAuth(tab, at.processes('auth')[1] ?? ''), email, 'the other tab')
    t.is(tokenOf(tab, origin), tokenOf(remembered, origin))
    remembered = onlyRemembered(remembered, origin)
  }
  // A cookie that one process of a site has set is good at the other one.
  for (const [entered, asked] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const [shop, other] = [at.processes('shop')[entered] ?? '', at.processes('shop')[asked] ?? '']
    const newcomer = await signedIn(at.processes('auth')[entered] ?? '', email)
    await newcomer.visit(`${shop}/members`)
    t.is(await whoAt(newcomer, other), email)
  }
}

test.serial(
  'in the order of the guide nobody is signed out at any step, with several processes of each part',
  async t => {
    t.timeout(300_000)
    const at = await installation(t, 2)
    const [a, b] = [secret(), secret()]
    const email = await addUser(at, 'many@example.com', a)
    for (const part of ['auth', 'shop']) {
      for (const nth of [0, 1]) await at.start(part, environment(part, a), nth)
    }
    await ready(at, ['auth', 'shop'], 2)
    await rollOut(t, at, email, `${a},${b}`)
    await rollOut(t, at, email, `${b},${a}`)
    // By now all that was signed with the old one would have ended.
    await rollOut(t, at, email, b)
  },
)

test.serial(
  'Redis lets in the old password and the new one while both secrets are there, and the backend is told both keys',
  async t => {
    t.timeout(300_000)
    const guarded = await startRedis({ user: { name: 'boss', password: 'boss' } })
    t.teardown(() => guarded.stop())
    const received: string[] = []
    const backend = createServer((req, res) => {
      const chunks: Buffer[] = []
      req.on('data', chunk => chunks.push(chunk))
      req.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        const signed = `${req.headers['carnet-timestamp']}.${body}`
        const known = keys.find(
          key => createHmac('sha256', key).update(signed).digest('hex') === req.headers['carnet-signature'],
        )
        received.push(known ?? 'none')
        res.writeHead(known === undefined ? 401 : 200, { 'content-type': 'application/json' })
        const { email } = JSON.parse(body) as { email: string }
        res.end(JSON.stringify({ user: { id: '1', email, name: 'A' } }))
      })
    })
    await new Promise<void>(resolve => backend.listen(0, '127.0.0.1', () => resolve()))
    t.teardown(() => backend.close())
    const { port } = backend.address() as AddressInfo
    const at = await prepareInstallation({
      sites: { shop: ', fanOut: none' },
      manifest: `accounts: { credentials: "http://localhost:${port}/" }`,
    })
    t.teardown(() => at.stop())
    const [a, b] = [secret(), secret()]
    let keys: string[] = []
    const print = async (args: string[], secrets: string) =>
      (await at.command(args, environment('auth', secrets))).output.trim()
    const load = async (secrets: string) => {
      for (const rule of (await print(['redis-acl'], secrets)).split('\n').slice(1)) {
        const [, name = '', ...parts] = rule.split(' ')
        await guarded.ask('ACL', 'SETUSER', name, ...(parts.join(' ').match(/\([^)]*\)|\S+/g) ?? []))
      }
      keys = (await print(['credentials'], secrets)).split(',')
    }
    const urlOf = async (id: string, secrets: string) =>
      `redis://carnet-${id}:${await print(['redis-acl', '--password', id], secrets)}@127.0.0.1:${guarded.port}`
    const start = async (secrets: string) => {
      for (const part of ['auth', 'shop']) {
        const env = { ...environment(part, secrets), CARNET_REDIS_URL: await urlOf(part, secrets) }
        await at.start(part, env)
      }
      await ready(at, ['auth', 'shop'])
    }
    const email = 'their@example.com'
    const enters = async () => {
      const browser = await signedIn(at.auth, email)
      await browser.visit(`${at.origins['shop']}/members`)
      t.is(await whoAt(browser, at.origins['shop'] ?? ''), email)
      return browser
    }

    await load(a)
    await start(a)
    const first = await enters()
    await load(`${a},${b}`)
    t.is(keys.length, 2)
    await enters()
    await start(`${b},${a}`)
    t.is(await whoAt(first, at.origins['shop'] ?? ''), email)
    await enters()
    t.not(received.at(-1), received[0], 'the new key signs')
    await load(b)
    await start(b)
    await enters()
    t.false(received.includes('none'))
    const old = await urlOf('shop', a)
    const { password } = new URL(old)
    await t.throwsAsync(
      async () => {
        const reply = await guarded.ask('AUTH', 'carnet-shop', password)
        if (reply === 'OK') return
        throw new Error(String(reply))
      },
      { message: /WRONGPASS/ },
    )
  },
)
