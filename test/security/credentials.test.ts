// Credentials: enumeration, hashing, remembering, mailed links, assignment.
import { availableParallelism } from 'node:os'
import { Browser, type Reply } from '@carnet/demo/browser'
import test from 'ava'
import {
  GOOD_PASSWORD,
  jsonOf,
  linkIn,
  type Mail,
  mailsTo,
  mailTo,
  signUp,
  submitForm,
  tokenIn,
} from '../support/accounts.ts'
import { fifthPercentiles, Stopwatch } from '../support/timing.ts'
import { until } from '../support/until.ts'
import { postJson, startWorld, whoAt } from '../support/world.ts'
import { enter, enteredBrowser, newPerson, startStages } from './world.ts'

const priv = (yaml: string) => `${yaml}accounts: { signUp: private }\n`
const stages = await startStages()
const closed = await startStages({ adjust: priv })
test.after.always(async () => {
  await stages.close()
  await closed.close()
})

const WRONG = 'not the password of anybody'
const PAIRS = 8
const PATIENCE = 3

let strangers = 0
/** An address that nobody has; as long as that of any other stranger. */
const stranger = () => `stranger-${process.pid}-${String(strangers++).padStart(4, '0')}@example.com`

const asked = (url: string) => new Browser().request(url, { headers: { accept: 'application/json' } })

/** What of an answer could tell one person from another. */
function shown({ status, headers, cookies, body }: Reply, email: string): object {
  const { date: _, 'set-cookie': __, 'content-security-policy': ___, ...rest } = headers
  return { status, rest, cookies: cookies.length, body: body.replaceAll(email, 'EMAIL') }
}

closed.each(
  'C1 enumeration: known and unknown are answered alike, in text, status, headers and length',
  async (t, stage) => {
    const { auth } = stage
    const known = async () => {
      const email = stranger()
      await stage.service.users.add({ email, password: GOOD_PASSWORD, name: 'P' })
      return email
    }
    const doors: Record<string, (email: string) => object> = {
      '/signin': email => ({ email, password: WRONG }),
      '/signup': email => ({ email, name: 'P', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }),
      '/password/forgot': email => ({ email }),
      '/verify-email/resend': email => ({ email }),
    }
    for (const [path, fields] of Object.entries(doors)) {
      const [there, nobody] = [await known(), stranger()]
      const ask = async (email: string) =>
        shown(await postJson(new Browser(), auth + path, fields(email)), email)
      t.deepEqual(await ask(there), await ask(nobody), path)
    }
    // Mail goes out behind it, and only to who has an account.
    const owner = await known()
    await postJson(new Browser(), `${auth}/password/forgot`, { email: owner })
    await mailTo(stage, owner, /\/password\/reset\?/)
  },
)

test('C1 enumeration: an unknown user costs one hash of the same price', async t => {
  const world = await startWorld({ passwordCost: 8 })
  const stopwatch = new Stopwatch()
  t.teardown(async () => {
    stopwatch.close()
    await world.close()
  })
  const url = `${world.auth}/signin`
  const wrong = (email: string) => stopwatch.post(url, { email, password: WRONG }, 401)
  // The first one waits for a worker to start.
  await wrong(stranger())
  let apart = Number.POSITIVE_INFINITY
  // What runs beside it on the machine may spoil one measurement.
  for (let turn = 0; turn < PATIENCE && apart > 1.5; turn++) {
    // One try each: who is wrong again and again has to wait.
    const people = await Promise.all(Array.from({ length: PAIRS }, () => newPerson(world)))
    const [known, unknown] = await fifthPercentiles(
      PAIRS,
      pair => wrong(people[pair]?.email ?? ''),
      () => wrong(stranger()),
    )
    apart = Math.max(known / unknown, unknown / known)
  }
  t.true(apart <= 1.5, `${apart.toFixed(2)} times as long`)
})

stages.each(
  'C2 hashing: every character of a password counts, and a megabyte of one costs nothing',
  async (t, stage) => {
    const { auth } = stage
    const start = 'p'.repeat(72)
    const tries: [own: string, other: string][] = [
      [`${start}-mine`, `${start}-yours`],
      [`${start}-mine`, start],
      ['before the NUL\0 and behind it', 'before the NUL\0 and something else'],
      ['before the NUL\0 and behind it', 'before the NUL'],
    ]
    for (const [password, other] of tries) {
      const { email } = await stage.service.users.add({ email: stranger(), password, name: 'P' })
      const signIn = (given: string) => postJson(new Browser(), `${auth}/signin`, { email, password: given })
      t.is((await signIn(other)).status, 401, JSON.stringify(other))
      t.is((await signIn(password)).status, 200, JSON.stringify(password))
    }
    const begun = performance.now()
    const huge = await postJson(new Browser(), `${auth}/signin`, {
      email: stranger(),
      password: 'x'.repeat(1_000_000),
    })
    t.is(huge.status, 400)
    t.is(
      (await postJson(new Browser(), `${auth}/signin`, { email: stranger(), password: 'x'.repeat(20_000) }))
        .status,
      400,
    )
    t.true(performance.now() - begun < 500)
  },
)

test('C2 hashing: sign-ins at once leave the event loop free', async t => {
  const world = await startWorld({ passwordCost: 9 })
  t.teardown(world.close)
  const people = await Promise.all(Array.from({ length: 6 }, () => newPerson(world)))
  /** How long the service is silent while passwords are hashed, in hashes: the first quartile of its answers. */
  const silence = async () => {
    const waits: number[] = []
    const begunAt = performance.now()
    let over = false
    const all = Promise.all(people.map(person => enter(world, new Browser(), person))).finally(() => {
      over = true
    })
    while (!over) {
      const begun = performance.now()
      await asked(`${world.auth}/healthz`)
      waits.push(performance.now() - begun)
    }
    await all
    const perHash = (performance.now() - begunAt) / people.length
    return (waits.sort((a, b) => a - b)[waits.length >> 2] ?? Number.NaN) / perHash
  }
  let least = Number.POSITIVE_INFINITY
  // What runs beside it on the machine may spoil one measurement.
  for (let turn = 0; turn < PATIENCE && least >= 0.5; turn++) least = Math.min(least, await silence())
  t.true(least < 0.5, `${least} hashes`)
})

test('C2 hashing: what the workers cannot take in time is told to come back, and not queued without end', async t => {
  const world = await startWorld({ passwordCost: 8 })
  t.teardown(world.close)
  // A few are in hand, and so many wait.
  const most = Math.max(64, 16 * availableParallelism())
  const replies = await Promise.all(
    Array.from({ length: most + 60 }, (_, index) =>
      postJson(new Browser({ from: `127.1.${index % 40}.1` }), `${world.auth}/signin`, {
        email: stranger(),
        password: WRONG,
      }),
    ),
  )
  const sentAway = replies.filter(({ status }) => status === 429)
  t.is(replies.filter(({ status }) => status === 401).length, replies.length - sentAway.length)
  t.true(sentAway.length > 0)
  for (const { headers } of sentAway) t.truthy(headers['retry-after'])
})

stages.each(
  'C3 stuffing: five tries, then waits that grow, counted before they are judged; the owner’s browser goes on',
  async (t, stage) => {
    const { auth } = stage
    const { email, password } = await newPerson(stage)
    const owner = new Browser()
    await enter(stage, owner, { email, password })
    const from = (network: number) => new Browser({ from: `127.0.${network}.1` })
    const guess = (browser: Browser, guessed: string) =>
      postJson(browser, `${auth}/signin`, { email, password: guessed })

    const begunAt = performance.now()
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, index) => guess(from(1 + (index % 3)), `${WRONG} ${index}`)),
    )
    const seconds = (performance.now() - begunAt) / 1_000
    const judged = replies.filter(({ status }) => status === 401).length
    // The waits double from one second on, so a slow machine sees the end of the first ones.
    t.true(judged >= 5 && judged <= 5 + Math.floor(Math.log2(seconds + 1)), `${judged} in ${seconds} s`)
    const refused = replies.filter(({ status }) => status === 429)
    t.is(refused.length, 60 - judged)
    for (const { headers } of refused) {
      t.is(headers['carnet-error'], 'rate_limited')
      t.true(Number(headers['retry-after']) >= 1 && Number(headers['retry-after']) <= 30)
    }
    await until(async () => (await guess(from(4), WRONG)).status === 401)
    t.is((await guess(from(4), password)).status, 429, 'not even the right one is judged before its time')
    t.is((await guess(owner, password)).status, 200, 'on a browser that the owner has used')
    await until(async () => (await guess(from(4), password)).status === 200)
  },
)

stages.each(
  'C4 remember theft: a copied cookie is noticed and the owner told; parallel and lost answers are no theft',
  async (t, stage) => {
    const { auth } = stage
    const person = await newPerson(stage)
    const known = async (browser: Browser) =>
      (await browser.request(`${auth}/account`, { headers: { accept: 'application/json' } })).status === 200
    /** A browser with nothing but what remembers it. */
    const only = (cookie: string) => {
      const browser = new Browser()
      browser.plant(auth, 'carnet-remember', cookie)
      return browser
    }
    const cookieOf = (browser: Browser) => browser.cookie(auth, 'carnet-remember') ?? ''
    const first = new Browser()
    await enter(stage, first, person, { remember: true })
    const copy = cookieOf(first)
    await postJson(first, `${auth}/account/sessions`, { end: 'others' })

    const parallel = await Promise.all(
      Array.from({ length: 8 }, () => only(copy)).map(async browser => {
        t.true(await known(browser))
        return cookieOf(browser)
      }),
    )
    t.is(new Set(parallel).size, 1, 'one successor for all')
    t.true(await known(only(copy)), 'the answer was lost, and asked for again')

    const [second = ''] = parallel
    const third = only(second)
    t.true(await known(third))
    t.false((await mailsTo(stage, person.email)).some(({ text }) => /was copied/.test(text)))
    t.false(await known(only(copy)), 'a copy of what was replaced twice')
    await mailTo(stage, person.email, /was copied/)
    t.false(await known(third), 'nobody can tell the two apart')
    t.false(await known(only(cookieOf(third))))
  },
)

stages.each(
  'C5 mailed links: for one purpose, once, by POST; void after a change; a stranger’s account is not confirmed by mistake',
  async (t, stage) => {
    const { auth } = stage
    const email = stranger()
    const attacker = new Browser()
    await signUp(stage, attacker, email)
    const mail = await mailTo(stage, email, /Confirm/)
    const token = tokenIn(mail)
    const verified = async () => (await stage.service.users.find({ email }))?.user.emailVerified

    // Scanners open links, and more than once.
    for (let times = 0; times < 3; times++) t.is((await new Browser().request(linkIn(mail))).status, 200)
    await attacker.request(linkIn(mail))
    t.false(await verified())
    // The owner of the address clicks, who is not the one that has signed up.
    const owner = new Browser()
    const blind = await postJson(owner, `${auth}/verify-email`, { token })
    t.is(blind.status, 400)
    t.is(
      (await postJson(owner, `${auth}/verify-email`, { token, password: 'a guess of the password' })).status,
      401,
    )
    t.false(await verified())
    t.regex((await owner.request(linkIn(mail))).body, /name="deny"/)
    const reset = await postJson(owner, `${auth}/password/reset`, {
      token,
      password: 'another good long secret',
      passwordAgain: 'another good long secret',
    })
    t.is(reset.status, 400, 'it is for no other purpose')
    const both = await Promise.all(
      [1, 2].map(() => postJson(owner, `${auth}/verify-email`, { token, password: GOOD_PASSWORD })),
    )
    t.deepEqual(both.map(({ status }) => status).sort(), [200, 400], 'once')
    t.true(await verified())

    const other = await newPerson(stage)
    await postJson(new Browser(), `${auth}/password/forgot`, { email: other.email })
    const link = await mailTo(stage, other.email, /\/password\/reset\?/)
    t.is(
      (await postJson(owner, `${auth}/verify-email`, { token: tokenIn(link), password: other.password }))
        .status,
      400,
    )
    const { hostname } = new URL(linkIn(link))
    t.is(hostname, new URL(auth).hostname)
    const person = await enteredBrowser(stage, other)
    const change = { password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
    t.is((await postJson(person, `${auth}/account/password`, change)).status, 200)
    t.is(
      (await postJson(owner, `${auth}/password/reset`, { token: tokenIn(link), ...change })).status,
      400,
      'void since the password changed',
    )
    const signed = token.split('.')
    for (const forged of [
      `${signed[0]}.${signed[1]}.`,
      `eyJhbGciOiJub25lIn0.${signed[1]}.`,
      `${signed[0]}.${signed[1]}.${'A'.repeat(43)}`,
    ])
      t.is(
        (await postJson(owner, `${auth}/verify-email`, { token: forged, password: GOOD_PASSWORD })).status,
        400,
      )
  },
)

stages.each(
  'C5 mailed links: denying an account that was opened with one’s address removes it',
  async (t, stage) => {
    const email = stranger()
    const attacker = new Browser()
    await signUp(stage, attacker, email)
    await attacker.visit(`${stage.shop}/members`)
    t.is(await whoAt(attacker, stage.shop), email)
    const mail: Mail = await mailTo(stage, email, /Confirm/)
    t.is((await submitForm(new Browser(), linkIn(mail), { deny: '1' }, 1)).status, 200)
    t.is(await stage.service.users.find({ email }), null)
    await until(async () => (await whoAt(attacker, stage.shop)) === 'signed_out')
  },
)

stages.each(
  'C6 addresses: one spelling each, and none that a mail’s header could be ended by',
  async (t, stage) => {
    const { auth } = stage
    const faulty = [
      'a@b@example.com',
      'a\r\nBcc: all@example.com',
      'a@example.com\r\nBcc: all@example.com',
      'a@example.com\nX: y',
      'a@example.com\0',
      'a @example.com',
      'a@example.com,b@example.com',
      '"a" <a@example.com>',
      'a\uff20b\uff20example.com',
      '@example.com',
      'a@',
      `${'a'.repeat(300)}@example.com`,
    ]
    for (const email of faulty) {
      const reply = await signUp(stage, new Browser(), email)
      t.is(jsonOf(reply).error, 'invalid_input', JSON.stringify(email))
      t.deepEqual(Object.keys(jsonOf(reply).fields ?? {}), ['email'])
      t.is((await postJson(new Browser(), `${auth}/password/forgot`, { email })).status, 400)
    }
    const email = stranger()
    const spellings = [email, email.toUpperCase(), email.replace('@', '\uff20'), ` ${email} `]
    const replies = await Promise.all(spellings.map(spelling => signUp(stage, new Browser(), spelling)))
    t.deepEqual(replies.map(({ status }) => status).sort(), [200, 409, 409, 409])
  },
)

stages.each(
  'C7 assignment: a field that a form does not have is a 400 everywhere, and changes nothing',
  async (t, stage) => {
    const { auth } = stage
    const person = await newPerson(stage)
    const browser = await enteredBrowser(stage, person)
    const forms: Record<string, object> = {
      '/signin': { email: person.email, password: person.password },
      '/signup': { email: stranger(), name: 'P', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD },
      '/password/forgot': { email: stranger() },
      '/verify-email/resend': { email: stranger() },
      '/verify-email': { token: 'x' },
      '/password/reset': { token: 'x', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD },
      '/account/profile': { name: 'Q' },
      '/account/email': { email: stranger() },
      '/account/password': { password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD },
      '/account/sessions': { end: 'others' },
      '/account/delete': {},
      '/signout': {},
    }
    const extra = [
      '"role":"admin"',
      '"roles":["admin"]',
      '"emailVerified":true',
      '"__proto__":{"roles":["admin"]}',
      '"constructor":{"prototype":{"roles":[]}}',
    ]
    for (const [path, fields] of Object.entries(forms)) {
      for (const field of extra) {
        const body = JSON.stringify(fields).replace(
          /\}$/,
          `${Object.keys(fields).length === 0 ? '' : ','}${field}}`,
        )
        const reply = await postJson(browser, auth + path, body)
        t.is(reply.status, 400, `${path} ${field}: ${reply.body}`)
      }
    }
    const after = (await stage.service.users.find({ id: person.id }))?.user
    t.like(after, { name: 'P', email: person.email, roles: [] })
    t.true(
      (await browser.request(`${auth}/account`, { headers: { accept: 'application/json' } })).status === 200,
    )
  },
)
