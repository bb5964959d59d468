// Who asks cannot tell whether an address has an account: not by what is answered, and not by how long it takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser, type Reply } from '@carnet/demo/browser'
import test from 'ava'
import { Limits } from '../../packages/auth-service/src/limits.ts'
import { GOOD_PASSWORD, submitForm } from '../support/accounts.ts'
import { fifthPercentiles, Stopwatch } from '../support/timing.ts'
import { postJson, startWorld, type World } from '../support/world.ts'

const PAIRS = 200
const MOST_APART = 1.1
// What runs beside it on the machine may spoil a measurement, but not three.
const TRIES = 3

const folder = mkdtempSync(join(tmpdir(), 'carnet-enumeration-'))
// The hash is most of the work, as in earnest; where none is made, a cheap one sets up the users.
const hashing = await startWorld({
  passwordCost: 6,
  adjust: yaml => `${yaml}accounts: { signUp: private }\n`,
})
const inMemory = await startWorld()
const onDisk = await startWorld({ databaseUrl: `sqlite:${join(folder, 'accounts.sqlite')}` })
const stopwatch = new Stopwatch()

let people = 0
// All of one length, or the headers' would differ.
const fresh = () => `grace-${String(people++).padStart(5, '0')}@example.com`

async function addUser(world: World): Promise<string> {
  const { email } = await world.service.users.add({ email: fresh(), password: GOOD_PASSWORD, name: 'Grace' })
  return email
}

const old = await addUser(hashing)

test.after.always(async () => {
  stopwatch.close()
  for (const world of [hashing, inMemory, onDisk]) await world.close()
  rmSync(folder, { recursive: true })
})

/** A place that is given an address. */
interface Door {
  readonly name: string
  readonly world: World
  /** Where its form is. */
  readonly page: string
  readonly path: string
  readonly status: number
  readonly fields: (email: string) => Record<string, string>
  readonly known: () => Promise<string>
}

const doors: Door[] = [
  {
    name: 'sign-in',
    world: hashing,
    page: '/signin',
    path: '/signin',
    status: 401,
    fields: email => ({ email, password: 'not the password of anybody' }),
    known: async () => old,
  },
  {
    name: 'private sign-up',
    world: hashing,
    page: '/signup',
    path: '/signup',
    status: 200,
    fields: email => ({ email, name: 'Grace', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }),
    known: async () => old,
  },
  ...[inMemory, onDisk].flatMap(world => {
    const mailing = {
      world,
      status: 200,
      fields: (email: string) => ({ email }),
      // A mail is sent to an address once a minute.
      known: () => addUser(world),
    }
    const where = world === onDisk ? 'on disk' : 'in memory'
    return [
      {
        ...mailing,
        name: `forgotten password, ${where}`,
        page: '/password/forgot',
        path: '/password/forgot',
      },
      {
        ...mailing,
        name: `another confirmation mail, ${where}`,
        page: '/verify-email',
        path: '/verify-email/resend',
      },
    ]
  }),
]

for (const { name, world, page, path, status, fields, known } of doors) {
  test.serial(
    `${name}: a known and an unknown address are answered alike, as JSON and as a form`,
    async t => {
      const asJson = async (email: string) => {
        const reply = await postJson(new Browser(), world.auth + path, fields(email))
        t.is(reply.status, status)
        return shown(reply, email)
      }
      forgetTries(world)
      t.deepEqual(await asJson(await known()), await asJson(fresh()))

      const asForm = async (email: string) => {
        const browser = new Browser()
        const reply = await submitForm(browser, world.auth + page, fields(email))
        const { location } = reply.headers
        t.is(reply.status, location === undefined ? 200 : 303)
        const next =
          location === undefined ? reply : await browser.request(new URL(location, world.auth).href)
        return [shown(reply, email), shown(next, email)]
      }
      t.deepEqual(await asForm(await known()), await asForm(fresh()))
    },
  )

  test.serial(`${name}: a known and an unknown address are answered equally fast`, async t => {
    const seen: string[] = []
    let alike = false
    for (let tried = 0; tried < TRIES && !alike; tried++) {
      const users: string[] = []
      for (let pair = 0; pair < PAIRS; pair++) users.push(await known())
      const time = (email: string) => {
        forgetTries(world)
        return stopwatch.post(world.auth + path, fields(email), status)
      }
      const [a, b] = await fifthPercentiles(
        PAIRS,
        pair => time(users[pair] ?? ''),
        () => time(fresh()),
      )
      seen.push(`known ${a.toFixed(3)} ms, unknown ${b.toFixed(3)} ms, ratio ${(a / b).toFixed(3)}`)
      alike = Math.max(a / b, b / a) <= MOST_APART
    }
    t.true(alike, seen.join('; '))
  })
}

test.serial('private sign-up: signing in with the password that was given tells nothing', async t => {
  const taken = await addUser(hashing)
  const given = 'nine purple kettles sing'
  const statuses = async (email: string) => {
    forgetTries(hashing)
    const form = { name: 'Grace', email, password: given, passwordAgain: given }
    const all = [(await postJson(new Browser(), `${hashing.auth}/signup`, form)).status]
    for (let tries = 0; tries < 7; tries++) {
      all.push((await postJson(new Browser(), `${hashing.auth}/signin`, { email, password: given })).status)
    }
    return all
  }
  t.deepEqual(await statuses(taken), [200, 401, 401, 401, 401, 401, 429, 429])
  t.deepEqual(await statuses(fresh()), [200, 401, 401, 401, 401, 401, 429, 429])
})

/** Tries are counted anew: a thousand of them from one place in a minute would not be let through. */
function forgetTries({ service }: World): void {
  Object.assign(service.desk, { limits: new Limits('memory:') })
}

/** All that an answer shows but the date, and what is new each time or was typed. */
function shown({ status, headers, body }: Reply, email: string): unknown {
  const hide = (text: string) =>
    text
      .replaceAll(email, 'EMAIL')
      .replaceAll(encodeURIComponent(email), 'EMAIL')
      .replaceAll(/(nonce[-="]+)[\w+/=]+/g, '$1NONCE')
      .replaceAll(/(name="form_token" value=")[^"]+/g, '$1TOKEN')
  const entries = Object.entries(headers)
    .filter(([name]) => name !== 'date')
    .map(([name, value]) => [
      name,
      name === 'set-cookie' ? headers[name]?.map(openCookie).map(hide) : hide(String(value)),
    ])
  return { status, headers: entries, body: hide(body) }
}

/** The pages' cookie as what is in it, but for what is new each time. */
function openCookie(line: string): string {
  const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? []
  const kept = attributes.replace(/expires=[^;]+/, 'expires=SOON')
  if (name.endsWith('.sig')) return `${name}=SIGNATURE${kept}`
  const { _expire, formToken, ...state } = JSON.parse(Buffer.from(value, 'base64').toString())
  return `${name}=${JSON.stringify({ ...state, keys: [typeof _expire, typeof formToken] })}${kept}`
}
