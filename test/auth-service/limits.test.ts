import { availableParallelism } from 'node:os'
import { ADA } from '@carnet/demo'
import { Browser, type Reply } from '@carnet/demo/browser'
import { CarnetError } from '@carnet/protocol'
import anyTest from 'ava'
import { type Guesser, Limits } from '../../packages/auth-service/src/limits.ts'
import { GOOD_PASSWORD, mailedLink, mailsTo, signUp, submitForm } from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, type World } from '../support/world.ts'

// Counts are the subject, and networks are shared: one test after the other.
const test = anyTest.serial

const redis = await startRedis()
const { worlds, close } = await startBothWorlds()
test.after.always(async () => {
  await close()
  await redis.stop()
})

let accounts = 0
const stranger = (more: Partial<Guesser> = {}): Guesser => ({
  networks: ['192.0.2.0/24'],
  account: `somebody-${accounts}@example.com`,
  device: null,
  ...more,
})
const wrong = async (): Promise<string> => {
  throw new CarnetError('invalid_credentials', 'wrong')
}
const right = async () => 'in'

/** What comes of a try: `in`, or the code of the refusal with the seconds to wait. */
async function outcome(limits: Limits, who: Guesser, judge: () => Promise<string>): Promise<string> {
  try {
    return await limits.guess(who, judge)
  } catch (error) {
    const { code, retryAfter } = error as CarnetError
    return code === 'rate_limited' ? `${code} ${retryAfter}` : code
  }
}

interface Teardown {
  teardown(work: () => Promise<void>): void
}

/** Limits that have found their Redis, where nothing is counted yet. */
async function opened(t: Teardown, url: string): Promise<Limits> {
  const limits = new Limits(url)
  t.teardown(() => limits.close())
  const mark = `opened ${++accounts}`
  await until(async () => {
    await limits.count('mail', [mark])
    return url === 'memory:' || Number(await redis.ask('DBSIZE')) > 0
  })
  await redis.ask('FLUSHALL')
  return limits
}

for (const [name, url] of Object.entries({ 'in memory': 'memory:', 'on Redis': redis.url })) {
  const open = (t: Teardown) => opened(t, url)

  test(`${name}: of 100 parallel wrong tries five are judged, and the others told to wait`, async t => {
    const all = url === 'memory:' ? [await open(t)] : [await open(t), await open(t)]
    let judged = 0
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        outcome(all[index % all.length] as Limits, stranger(), () => {
          judged++
          return wrong()
        }),
      ),
    )
    t.is(judged, 5)
    t.is(outcomes.filter(each => each === 'invalid_credentials').length, 5)
    const waits = outcomes.filter(each => each.startsWith('rate_limited'))
    t.is(waits.length, 95)
    t.true(waits.every(each => Number(each.split(' ')[1]) <= 30))
  })

  test(`${name}: a right password ends the waits, once its time has come`, async t => {
    const limits = await open(t)
    for (let count = 0; count < 5; count++)
      t.is(await outcome(limits, stranger(), wrong), 'invalid_credentials')
    t.is(await outcome(limits, stranger(), right), 'rate_limited 2')
    await until(async () => (await outcome(limits, stranger(), right)) === 'in')
    for (let count = 0; count < 5; count++)
      t.is(await outcome(limits, stranger(), wrong), 'invalid_credentials')
    t.is(await outcome(limits, stranger(), wrong), 'rate_limited 2')
  })

  test(`${name}: right tries at once are all let in`, async t => {
    const limits = await open(t)
    const slowly = async () => {
      await new Promise(resolve => setTimeout(resolve, 20))
      return 'in'
    }
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => outcome(limits, stranger(), slowly)))
    t.true(outcomes.every(each => each === 'in'))
  })

  test(`${name}: what could not be judged is no try, and takes no wait away`, async t => {
    const limits = await open(t)
    const away = async (): Promise<string> => {
      throw new CarnetError('store_unavailable', 'away')
    }
    for (let count = 0; count < 20; count++)
      t.is(await outcome(limits, stranger(), away), 'store_unavailable')
    for (let count = 0; count < 5; count++)
      t.is(await outcome(limits, stranger(), wrong), 'invalid_credentials')
    t.is(await outcome(limits, stranger(), away), 'rate_limited 2')
  })

  test(`${name}: the owner's device goes on while others wait, and waits for its own tries`, async t => {
    const limits = await open(t)
    const owner = stranger({ device: `device-${accounts}` })
    for (let count = 0; count < 6; count++) await outcome(limits, stranger(), wrong)
    t.is(await outcome(limits, stranger(), right), 'rate_limited 2')
    t.is(await outcome(limits, owner, right), 'in')
    for (let count = 0; count < 5; count++) t.is(await outcome(limits, owner, wrong), 'invalid_credentials')
    t.is(await outcome(limits, owner, wrong), 'rate_limited 2')
  })

  test(`${name}: on a browser of several people, each account has waits of its own`, async t => {
    const limits = await open(t)
    const shared = stranger({ device: `shared-${accounts}` })
    const own = { ...shared, account: `own-${accounts}@example.com` }
    for (let count = 0; count < 5; count++) {
      t.is(await outcome(limits, own, right), 'in')
      t.is(await outcome(limits, shared, wrong), 'invalid_credentials')
    }
    t.is(await outcome(limits, own, right), 'in')
    t.is(await outcome(limits, shared, wrong), 'rate_limited 2')
  })

  test(`${name}: tries from everywhere count together; who made the last waits twice as long as the others`, async t => {
    const limits = await open(t)
    const at = (network: number) => stranger({ networks: [`10.0.${network}.0/24`] })
    for (let network = 0; network < 5; network++)
      t.is(await outcome(limits, at(network), wrong), 'invalid_credentials')
    t.is(await outcome(limits, at(9), right), 'rate_limited 1')
    accounts++
    for (let count = 0; count < 5; count++) t.is(await outcome(limits, at(0), wrong), 'invalid_credentials')
    t.is(await outcome(limits, at(0), right), 'rate_limited 2')
    t.is(await outcome(limits, at(9), right), 'rate_limited 1')
    // Whoever asks again and again is not the one whose turn it is.
    const outcomes: string[] = []
    await until(async () => {
      outcomes.push(await outcome(limits, at(0), wrong))
      return (await outcome(limits, at(9), right)) === 'in'
    })
    t.true(outcomes.every(each => each.startsWith('rate_limited')))
  })

  test(`${name}: a customer with many IPv6 networks has the measure of four`, async t => {
    const limits = await open(t)
    let mails = 0
    const send = (network: string) => limits.count('mail', [network, '2001:db8:1::/48'])
    for (let network = 0; network < 10; network++) {
      for (let count = 0; count < 20; count++) {
        await send(`2001:db8:1:${network}::/64`).then(
          () => mails++,
          () => {},
        )
      }
    }
    t.is(mails, 120)
    await t.notThrowsAsync(limits.count('mail', ['2001:db8:2:1::/64', '2001:db8:2::/48']))
  })

  test(`${name}: one account or network does not fill the queue of all`, async t => {
    const limits = await open(t)
    let [running, most] = [0, 0]
    const work = async () => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setTimeout(resolve, 20))
      running--
      return 'in'
    }
    const devices = (index: number) => `d-${accounts}-${index % 30}`
    const outcomes = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        outcome(limits, stranger({ device: devices(index), networks: [`net ${index}`] }), work),
      ),
    )
    t.is(most, 2 * availableParallelism())
    t.true(outcomes.includes('in'))
    t.true(outcomes.every(each => /^(in|rate_limited [12])$/.test(each)))
    t.true(outcomes.filter(each => each !== 'in').length >= 120 - 64 - 30 * 5)
    ;[running, most] = [0, 0]
    await Promise.all(Array.from({ length: 40 }, () => limits.inTurn(['one'], work)))
    t.is(most, 2 * availableParallelism())
  })

  test(`${name}: a network has its measure, and no other pays for it`, async t => {
    const limits = await open(t)
    const network = `2001:db8:0:${accounts}::/64`
    const tries: string[] = []
    for (let batch = 0; batch < 4; batch++) {
      const some = Array.from({ length: 30 }, (_, index) =>
        outcome(limits, stranger({ networks: [network], account: `${accounts}-${batch}-${index}` }), wrong),
      )
      tries.push(...(await Promise.all(some)))
    }
    t.is(tries.filter(each => each === 'invalid_credentials').length, 100)
    t.is(await outcome(limits, stranger({ networks: [network] }), right), 'rate_limited 600')
    t.is(await outcome(limits, stranger(), right), 'in')
    t.is(await outcome(limits, stranger({ networks: [network], device: `in-${accounts}` }), right), 'in')
  })

  test(`${name}: where all try too much, unknown devices are sent away and known ones are not`, async t => {
    const limits = await open(t)
    const tries = await Promise.all(
      Array.from({ length: 1_020 }, (_, index) =>
        outcome(
          limits,
          stranger({ networks: [`net ${accounts} ${index >> 4}`], account: `${index}` }),
          wrong,
        ),
      ),
    )
    t.is(tries.filter(each => each === 'invalid_credentials').length, 1_000)
    t.regex(await outcome(limits, stranger(), right), /^rate_limited (5\d|60)$/)
    t.is(await outcome(limits, stranger({ device: `d-${accounts}` }), right), 'in')
    for (let count = 0; count < 1_000; count++) await limits.count('sign-up', [`net ${count}`])
    await t.throwsAsync(limits.count('sign-up', ['another']), { code: 'rate_limited' } as object)
    await t.notThrowsAsync(limits.count('sign-up', ['another'], { known: true }))
    await t.notThrowsAsync(limits.count('mail', ['another']))
  })
}

test('each wrong try doubles the waits, to 30 s and no further, and to 15 s elsewhere', async t => {
  const limits = await opened(t, redis.url)
  const elsewhere = stranger({ networks: ['198.51.100.0/24'] })
  for (let count = 0; count < 5; count++) await outcome(limits, stranger(), wrong)
  const waits: string[] = []
  for (let count = 0; count < 7; count++) {
    waits.push(await outcome(limits, stranger(), wrong), await outcome(limits, elsewhere, wrong))
    const keys = (await redis.ask('KEYS', 'carnet:limit:waits:*')) as string[]
    await redis.ask('DEL', ...keys)
    t.is(await outcome(limits, stranger(), wrong), 'invalid_credentials')
  }
  t.deepEqual(
    waits,
    [2, 1, 4, 2, 8, 4, 16, 8, 30, 15, 30, 15, 30, 15].map(seconds => `rate_limited ${seconds}`),
  )
})

test('Redis holds no address, and each counter ends by itself', async t => {
  const limits = await opened(t, redis.url)
  for (let count = 0; count < 7; count++) await outcome(limits, stranger({ device: 'a-device' }), wrong)
  await outcome(limits, stranger(), wrong)
  await limits.count('mail', ['192.0.2.0/24'])
  const keys = (await redis.ask('KEYS', '*')) as string[]
  t.true(keys.length >= 5)
  for (const key of keys) {
    t.regex(key, /^carnet:limit:/)
    t.notRegex(key, /somebody|192\.0|a-device/)
    const left = Number(await redis.ask('PTTL', key))
    t.true(left > 0 && left <= 3_600_000)
  }
})

test('while Redis is away each process counts for itself', async t => {
  const own = await startRedis()
  const limits = new Limits(own.url)
  t.teardown(() => limits.close())
  accounts++
  await until(async () => (await outcome(limits, stranger(), right)) === 'in')
  await own.stop()
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(limits, stranger(), wrong)))
  t.is(outcomes.filter(each => each === 'invalid_credentials').length, 5)
})

for (const [name, world] of Object.entries(worlds)) over(name, world)

function over(name: string, world: World): void {
  const { auth } = world
  const browserAt = (network: number) => new Browser({ from: `127.0.${network}.1` })
  const tryPassword = (browser: Browser, password: string, email: string = ADA.email) =>
    postJson(browser, `${auth}/signin`, { email, password })
  const waitOf = ({ headers }: Reply) => Number(headers['retry-after'])

  test(`${name}: 100 parallel wrong sign-ins: five are judged, the others are 429 and say when; the owner's browser gets in`, async t => {
    const own = browserAt(1)
    t.is((await tryPassword(own, ADA.password)).status, 200)
    const begunAt = performance.now()
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => tryPassword(browserAt(9), `wrong ${index}`)),
    )
    // On a slow machine the first waits are over before the last request has come.
    const waited = Math.floor(Math.log2(1 + (performance.now() - begunAt) / 1_000))
    const judged = replies.filter(({ status }) => status === 401).length
    t.true(judged >= 5 && judged <= 5 + waited, `${judged} judged, ${waited} waits`)
    const refused = replies.filter(({ status }) => status === 429)
    t.is(refused.length, 100 - judged)
    t.true(refused.every(reply => waitOf(reply) >= 1 && waitOf(reply) <= 30))
    const [first] = refused
    t.like(JSON.parse(first?.body ?? ''), { code: 429, error: 'rate_limited' })
    t.is((await tryPassword(own, 'wrong')).status, 401, 'its tries are its own')
    t.is((await tryPassword(own, ADA.password)).status, 200)
    await until(async () => (await tryPassword(browserAt(9), ADA.password)).status === 200)
  })

  test(`${name}: who is unknown is slowed like anybody else`, async t => {
    const statuses: number[] = []
    for (let count = 0; count < 6; count++) {
      statuses.push((await tryPassword(browserAt(3), 'wrong', 'nobody-at-all@example.com')).status)
    }
    t.deepEqual(statuses, [401, 401, 401, 401, 401, 429])
  })

  test(`${name}: a page says when, and keeps what was typed`, async t => {
    const browser = browserAt(4)
    const email = 'page-reader@example.com'
    const page = `${auth}/signin?site=shop&return_to=%2Fcart`
    for (let count = 0; count < 5; count++) await submitForm(browser, page, { email, password: 'wrong' })
    const reply = await submitForm(browser, page, { email, password: 'wrong' })
    t.is(reply.status, 429)
    t.regex(String(reply.headers['retry-after']), /^[1-4]$/)
    t.regex(reply.body, /Try again in [1-4] seconds?\./)
    const [, again = ''] = /<a class="button quiet" href="([^"]+)"/.exec(reply.body) ?? []
    t.is(again.replaceAll('&amp;', '&'), '/signin?site=shop&return_to=%2Fcart')
    t.true((await browser.request(page)).body.includes(`value="${email}"`))
  })

  test(`${name}: the password of a mailed link's account is guessed no faster`, async t => {
    const email = `linked-${name}@example.com`
    await signUp(world, browserAt(5), email)
    const link = await mailedLink(world, email, '/verify-email')
    const token = new URL(link).searchParams.get('token')
    const thief = browserAt(6)
    const guess = (password: string) => postJson(thief, `${auth}/verify-email`, { token, password })
    for (let count = 0; count < 5; count++) t.is((await guess('wrong')).status, 401)
    t.is((await guess(GOOD_PASSWORD)).status, 429)
    t.is((await tryPassword(thief, GOOD_PASSWORD, email)).status, 429, 'one measure for both ways')
  })

  const DEEDS: Record<string, { most: number; send: (browser: Browser, index: number) => Promise<Reply> }> = {
    'sign-up': {
      most: 50,
      send: (browser, index) => signUp(world, browser, `new-${name}-${index}@example.com`),
    },
    forgot: {
      most: 30,
      send: (browser, index) =>
        postJson(browser, `${auth}/password/forgot`, { email: `f-${index}@example.com` }),
    },
    verify: { most: 50, send: browser => postJson(browser, `${auth}/verify-email`, { token: 'none' }) },
  }
  for (const [index, [deed, { most, send }]] of Object.entries(DEEDS).entries()) {
    test(`${name}: ${deed} has a measure for each network`, async t => {
      const network = 10 + index
      for (let count = 0; count < most; count++) t.not((await send(browserAt(network), count)).status, 429)
      const reply = await send(browserAt(network), most)
      t.is(reply.status, 429)
      t.true(waitOf(reply) >= 1 && waitOf(reply) <= 3_600)
      t.not((await send(browserAt(network + 10), most + 1)).status, 429)
    })
  }

  test(`${name}: resend shares the measure of mails`, async t => {
    const resend = (index: number) =>
      postJson(browserAt(11), `${auth}/verify-email/resend`, { email: `r-${index}@example.com` })
    t.is((await resend(0)).status, 429)
  })

  test(`${name}: the owner hears of a sign-in on a new device, once, and not of a known one`, async t => {
    const email = `owner-${name}@example.com`
    const home = browserAt(30)
    await signUp(world, home, email)
    const newDevices = async () =>
      (await mailsTo(world, email)).filter(mail => /new device/.test(mail.subject))
    t.is((await tryPassword(browserAt(31), GOOD_PASSWORD, email)).status, 200)
    const token = new URL(await mailedLink(world, email, '/verify-email')).searchParams.get('token')
    t.is((await postJson(home, `${auth}/verify-email`, { token })).status, 200)
    t.is((await tryPassword(home, GOOD_PASSWORD, email)).status, 200)
    t.deepEqual(
      await newDevices(),
      [],
      'neither while the address may be a stranger’s, nor for the known browser',
    )
    const away = new Browser({
      from: '127.0.32.1',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0',
    })
    t.is((await tryPassword(away, GOOD_PASSWORD, email)).status, 200)
    await until(async () => (await newDevices()).length === 1)
    const [mail] = await newDevices()
    t.regex(mail?.text ?? '', /Firefox on Linux · 127\.0\.32\.\* · .* UTC/)
    t.true(mail?.text.includes(`${auth}/account/sessions`))
    t.is((await tryPassword(away, GOOD_PASSWORD, email)).status, 200)
    t.is((await newDevices()).length, 1)
  })

  test(`${name}: a new password makes every other device a new one`, async t => {
    const email = `changer-${name}@example.com`
    const [home, old] = [browserAt(40), browserAt(41)]
    await signUp(world, home, email)
    t.is((await tryPassword(old, GOOD_PASSWORD, email)).status, 200)
    const next = 'eight purple kettles sing'
    const changed = await postJson(home, `${auth}/account/password`, { password: next, passwordAgain: next })
    t.is(changed.status, 200)
    for (let count = 0; count < 6; count++) await tryPassword(browserAt(41), 'wrong', email)
    t.is((await tryPassword(old, next, email)).status, 429)
    t.is((await tryPassword(home, next, email)).status, 200)
  })

  test(`${name}: a device cookie that is forged or another account's helps nobody`, async t => {
    const email = `victim-${name}@example.com`
    await signUp(world, browserAt(50), email)
    const thief = browserAt(51)
    t.is((await tryPassword(thief, ADA.password)).status, 200)
    for (let count = 0; count < 5; count++) t.is((await tryPassword(thief, 'wrong', email)).status, 401)
    t.is((await tryPassword(thief, GOOD_PASSWORD, email)).status, 429)
    const forged = await postJson(
      new Browser({ from: '127.0.51.2', cookies: false }),
      `${auth}/signin`,
      { email, password: GOOD_PASSWORD },
      { cookie: `carnet-device=${'x'.repeat(21)}.${'y'.repeat(22)}.${'z'.repeat(43)}` },
    )
    t.is(forged.status, 429)
  })
}
