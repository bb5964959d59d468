import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import { issueTickets, sessionHandle } from '@carnet/protocol'
import test from 'ava'
import { sql } from 'kysely'
import { pino } from 'pino'
import { Audit, type AuditEntry, type Deed } from '../../packages/auth-service/src/accounts/audit.ts'
import { type Database, openMigrated } from '../../packages/auth-service/src/accounts/database.ts'
import { removeUser } from '../../packages/auth-service/src/accounts/remove-user.ts'
import { insertUser, newRow } from '../../packages/auth-service/src/accounts/user-row.ts'
import { GOOD_PASSWORD, jsonOf, linkIn, mailTo, signUp, submitForm, tokenIn } from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { clientAt } from '../support/people.ts'
import { startPostgres } from '../support/postgres.ts'
import { run } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { postJson, startWorld, type World, whoAt } from '../support/world.ts'

interface Line {
  readonly msg: string
  readonly [field: string]: unknown
}

const printed: string[] = []
const lines = () => printed.map(text => JSON.parse(text) as Line)
const log = pino({ level: 'trace' }, { write: (text: string) => void printed.push(text) })

const both = await startBothWorlds({ log })
const { worlds } = both
const postgres = await startPostgres()
test.after.always(async () => {
  await both.close()
  await postgres.stop()
})

const NEW_PASSWORD = 'eleven quiet rivers bend'
const HERE = '127.0.7.0/24'
const json = { headers: { accept: 'application/json' } }

let people = 0
async function person(world: World): Promise<{ id: string; email: string }> {
  const email = `audited${people++}@example.com`
  return world.service.users.add({ email, password: GOOD_PASSWORD, name: 'Lin', emailVerified: true })
}

/** A browser in a network of its own. */
const browserHere = () => new Browser({ from: '127.0.7.9' })

async function signedIn(world: World, email: string, more: object = {}): Promise<Browser> {
  const browser = browserHere()
  const reply = await postJson(browser, `${world.auth}/signin`, { email, password: GOOD_PASSWORD, ...more })
  if (reply.status !== 200) throw new Error(reply.body)
  return browser
}

async function all(entries: AsyncIterable<AuditEntry>): Promise<AuditEntry[]> {
  const list: AuditEntry[] = []
  for await (const entry of entries) list.push(entry)
  return list
}

async function allRows(world: World, user?: string): Promise<AuditEntry[]> {
  const { audit } = world.service.desk
  await audit.flush()
  return all(audit.read(user === undefined ? {} : { user }))
}

/** What is kept of a user, without the sign-in that a test begins with. */
async function eventsOf(world: World, user: string): Promise<string[]> {
  return (await allRows(world, user)).map(({ event }) => event).slice(1)
}

const handleOf = (world: World, browser: Browser) =>
  sessionHandle((browser.cookie(world.auth, 'carnet') ?? '').split('.', 1)[0] ?? '')

for (const [name, world] of Object.entries(worlds)) {
  const { auth, shop, news, games } = world
  const { desk } = world.service

  test.serial(
    `${name}: a sign-in, a refused one and a sign-out are kept with who, where and what came of it`,
    async t => {
      const { id, email } = await person(world)
      const started = Date.now()
      await postJson(browserHere(), `${auth}/signin`, { email: email.toUpperCase(), password: 'wrong' })
      const browser = await signedIn(world, email, { site: 'shop' })
      const session = handleOf(world, browser)
      await postJson(browser, `${auth}/signout`, {})
      const rows = await allRows(world, id)
      const common = { user_id: id, prefix: HERE, actor: 'user', email }
      t.like(rows, [
        { ...common, event: 'signin_refused', outcome: 'invalid_credentials', session: null, site: null },
        { ...common, event: 'signin', outcome: 'ok', session, site: 'shop' },
        { ...common, event: 'session_revoked', outcome: 'ok', session, site: null },
      ])
      t.is(rows.length, 3)
      for (const { at } of rows) t.true(at >= started && at <= Date.now())
      const told = (event: string) => lines().find(({ msg, user }) => msg === event && user === id)
      t.like(told('signin_refused'), { prefix: HERE, actor: 'user', outcome: 'invalid_credentials' })
      t.like(told('signin'), { prefix: HERE, actor: 'user', outcome: 'ok', site: 'shop', session })
      t.like(told('session_revoked'), { prefix: HERE, actor: 'user', outcome: 'ok', session })
    },
  )

  test.serial(
    `${name}: of an address that has no account, the refusal is kept and the address is not`,
    async t => {
      const email = `nobody-${name}@example.com`
      const browser = new Browser({ from: '127.0.8.9' })
      await postJson(browser, `${auth}/signin`, { email, password: GOOD_PASSWORD })
      await postJson(browser, `${auth}/password/forgot`, { email })
      const rows = (await allRows(world)).filter(({ prefix }) => prefix === '127.0.8.0/24')
      t.like(rows, [
        { event: 'signin_refused', outcome: 'invalid_credentials', user_id: null },
        { event: 'password_reset_asked', outcome: 'ok', user_id: null },
      ])
      t.false(JSON.stringify(await allRows(world)).includes('nobody-'))
    },
  )

  test.serial(`${name}: registration is kept, and a refused one`, async t => {
    const email = `new${people++}@example.com`
    await signUp(world, browserHere(), email)
    const { id = '' } = (await world.service.users.find({ email }))?.user ?? {}
    t.like(await allRows(world, id), [{ event: 'signup' }, { event: 'signin' }])
    await signUp(world, new Browser({ from: '127.0.9.9' }), email)
    const rows = (await allRows(world)).filter(({ prefix }) => prefix === '127.0.9.0/24')
    t.like(rows, [{ event: 'signup_refused', outcome: 'email_taken', user_id: null, session: null }])
  })

  test.serial(`${name}: changes of what one signs in with are kept`, async t => {
    const { id, email } = await person(world)
    const browser = await signedIn(world, email)
    const post = async (path: string, body: object) => {
      const reply = await postJson(browser, auth + path, body)
      t.is(reply.status, 200, reply.body)
    }
    await post('/account/profile', { name: 'Linnea' })
    const next = `moved${people++}@example.com`
    await post('/account/email', { email: next })
    await post('/verify-email', { token: tokenIn(await mailTo(world, next, /verify-email/)) })
    await post('/account/password', { password: NEW_PASSWORD, passwordAgain: NEW_PASSWORD })
    await post('/password/forgot', { email: next })
    const token = tokenIn(await mailTo(world, next, /Choose a new password/))
    await post('/password/reset', { token, password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD })
    t.deepEqual(await eventsOf(world, id), [
      'profile_changed',
      'email_change_asked',
      'email_changed',
      'password_changed',
      'signin',
      'password_reset_asked',
      'password_changed',
    ])
  })

  test.serial(
    `${name}: a confirmed address is kept, and that somebody says the account is none of theirs`,
    async t => {
      const [mine, stranger] = [`mine${people++}@example.com`, `stranger${people++}@example.com`]
      const browser = browserHere()
      await signUp(world, browser, mine)
      const { id = '' } = (await world.service.users.find({ email: mine }))?.user ?? {}
      const token = tokenIn(await mailTo(world, mine, /verify-email/))
      t.is((await postJson(browser, `${auth}/verify-email`, { token })).status, 200)
      t.deepEqual((await eventsOf(world, id)).slice(1), ['email_verified'])

      await signUp(world, browserHere(), stranger)
      const { id: gone = '' } = (await world.service.users.find({ email: stranger }))?.user ?? {}
      const link = linkIn(await mailTo(world, stranger, /verify-email/))
      const deny = { token: new URL(link).searchParams.get('token'), deny: true }
      t.is((await postJson(new Browser(), `${auth}/verify-email`, deny)).status, 200)
      const rows = await allRows(world)
      t.is(rows.at(-1)?.event, 'user_denied')
      t.false(JSON.stringify(rows).includes(gone))
    },
  )

  test.serial(`${name}: sessions that are ended from the list are kept`, async t => {
    const { id, email } = await person(world)
    const browser = await signedIn(world, email)
    const other = handleOf(world, await signedIn(world, email))
    const stranger = handleOf(world, await signedIn(world, email))
    t.is((await postJson(browser, `${auth}/account/sessions`, { end: stranger, notMe: true })).status, 200)
    for (const end of [other, 'others', 'everywhere'])
      t.is((await postJson(browser, `${auth}/account/sessions`, { end })).status, 200)
    const ended = (await allRows(world, id)).slice(3)
    t.like(ended, [
      { event: 'session_disowned', session: stranger },
      { event: 'session_revoked', session: other },
      { event: 'sessions_revoked', session: null },
      { event: 'sessions_revoked', session: null },
    ])
  })

  test.serial(`${name}: a browser that comes back is kept, and a copied cookie`, async t => {
    const { id, email } = await person(world)
    const browser = await signedIn(world, email, { remember: true })
    const first = browser.cookie(auth, 'carnet-remember') ?? ''
    const comeBack = async (token: string) => {
      browser.forget(auth)
      browser.plant(auth, 'carnet-remember', token)
      return (await browser.request(`${auth}/account`, json)).status
    }
    t.is(await comeBack(first), 200)
    const session = handleOf(world, browser)
    t.is(await comeBack(browser.cookie(auth, 'carnet-remember') ?? ''), 200)
    t.is(await comeBack(first), 401)
    const rows = (await allRows(world, id)).slice(1)
    t.like(rows, [
      { event: 'session_resumed', session },
      { event: 'session_resumed' },
      { event: 'remember_stolen' },
    ])
    t.is(lines().find(({ msg, user }) => msg === 'remember_stolen' && user === id)?.['level'], 40)
  })

  test.serial(
    `${name}: tickets that sites refuse are kept with the reason, the site and the network`,
    async t => {
      const { email } = await person(world)
      const browser = await signedIn(world, email)
      const sid = (browser.cookie(auth, 'carnet') ?? '').split('.', 1)[0] ?? ''
      const client = clientAt('192.0.2.77')
      const [elsewhere = '', unbound = ''] = await issueTickets(
        world.store,
        sid,
        client,
        ['shop', 'games'].map(site => ({ site, ttl: 60_000, state: 'a-state' })),
      )
      const from = new Browser({ from: '127.0.10.9' })
      const page = `${auth}/signin`
      t.is((await from.image(`${news}/api/auth.gif?ticket=${elsewhere}`, page)).status, 401)
      t.is((await from.image(`${games}/api/auth.gif?ticket=${unbound}`, page)).status, 403)
      await from.image(`${news}/api/auth.gif`, page)
      await from.request(`${shop}/api/auth?ticket=shop.aaaaaaaa.${'b'.repeat(24)}&state=x`)
      const refused = async () =>
        (await allRows(world))
          .filter(({ prefix }) => prefix === '127.0.10.0/24')
          .map(row => `${row.site} ${row.outcome}`)
      await until(async () => (await refused()).length === 4)
      t.deepEqual((await refused()).sort(), [
        'games state_mismatch',
        'news ticket_missing',
        'news ticket_wrong_site',
        'shop ticket_unknown',
      ])
      const row = (await allRows(world)).find(({ prefix }) => prefix === '127.0.10.0/24')
      t.like(row, { event: 'ticket_refused', actor: 'site', user_id: null, session: null })
    },
  )

  test.serial(`${name}: a sign-out at a site is kept with whose session it was`, async t => {
    const { id, email } = await person(world)
    const browser = await signedIn(world, email)
    const session = handleOf(world, browser)
    await browser.visit(`${shop}/members`)
    t.is(await whoAt(browser, shop), email)
    t.is((await browser.submit(`${shop}/members`, '/api/signout', {})).status, 303)
    const last = async () => (await allRows(world, id)).at(-1)
    await until(async () => (await last())?.event === 'session_revoked')
    t.like(await last(), { actor: 'site', site: 'shop', session, prefix: HERE, outcome: 'ok' })
  })

  test.serial(`${name}: the export has the person’s own entries, and nobody else’s`, async t => {
    const { id, email } = await person(world)
    const stranger = await person(world)
    const browser = await signedIn(world, email)
    await signedIn(world, stranger.email)
    const { audit } = jsonOf(await browser.request(`${auth}/account/export`, json)).data as {
      audit: object[]
    }
    t.like(audit, [
      { event: 'signin', prefix: HERE, actor: 'user', outcome: 'ok', session: handleOf(world, browser) },
      { event: 'account_exported' },
    ])
    t.is(audit.length, 2)
    t.is((await allRows(world, id)).length, 2)
  })

  test.serial(`${name}: who leaves is named nowhere any more, and what was done stays`, async t => {
    const { id, email } = await person(world)
    const from = { from: '127.0.11.9' }
    await postJson(new Browser(from), `${auth}/signin`, { email, password: 'wrong' })
    const browser = new Browser(from)
    await postJson(browser, `${auth}/signin`, { email, password: GOOD_PASSWORD })
    const session = handleOf(world, browser)
    const before = (await allRows(world, id)).map(row => row.id)
    // One is still on its way while the account goes.
    desk.audit.note({ event: 'profile_changed', actor: 'user', user: id, prefix: '127.0.11.0/24' })
    t.is((await postJson(browser, `${auth}/account/delete`, {})).status, 200)
    const rows = await allRows(world)
    t.deepEqual(
      rows.filter(row => before.includes(row.id)).map(({ event }) => event),
      ['signin_refused', 'signin'],
    )
    t.is(rows.at(-1)?.event, 'user_removed')
    for (const trace of [id, email, session, '127.0.11.'])
      t.false(JSON.stringify(rows).includes(trace), trace)
  })

  test.serial(
    `${name}: nothing that opens anything, and no address, is in the table or in a line of the log`,
    async t => {
      const email = `canary${people++}@example.com`
      const password = 'canary in a deep coal mine'
      await world.service.users.add({ email, password, name: 'C', emailVerified: true })
      const browser = browserHere()
      await postJson(browser, `${auth}/signin`, { email, password: `${password}!` })
      await postJson(browser, `${auth}/signin`, { email, password, remember: true })
      await browser.visit(`${shop}/members`)
      const ticket = `shop.aaaaaaaa.${'c'.repeat(24)}`
      await browser.image(`${news}/api/auth.gif?ticket=${ticket}`, `${auth}/signin`)
      await postJson(browser, `${auth}/password/forgot`, { email })
      const token = tokenIn(await mailTo(world, email, /Choose a new password/))
      const cookies = ['carnet', 'carnet-remember'].map(cookie => browser.cookie(auth, cookie) ?? '')
      await postJson(browser, `${auth}/signout`, {})
      await until(async () =>
        (await allRows(world)).some(({ site, event }) => site === 'news' && event === 'ticket_refused'),
      )
      const secrets = [
        password,
        email,
        ticket,
        token,
        ...cookies.flatMap(cookie => [cookie, ...cookie.split('.')]),
      ]
      const { rows } = await sql`select * from audit`.execute(desk.database)
      const text = JSON.stringify(rows) + printed.join('')
      t.true(text.includes('signin_refused'))
      for (const secret of secrets) {
        t.true(secret.length > 8)
        t.false(text.includes(secret), secret)
      }
    },
  )

  test.serial(
    `${name}: a table that cannot be written to delays no answer, and has it all later`,
    async t => {
      const { id, email } = await person(world)
      const told = () => lines().filter(({ msg }) => msg === 'audit_not_written').length
      const before = told()
      await sql`alter table audit rename to elsewhere`.execute(desk.database)
      try {
        await signedIn(world, email)
        await until(() => told() === before + 1)
        await signedIn(world, email)
        await desk.audit.flush()
        t.is(told(), before + 1, 'said once')
      } finally {
        await sql`alter table elsewhere rename to audit`.execute(desk.database)
      }
      t.deepEqual(await eventsOf(world, id), ['signin'])
    },
  )

  test.serial(`${name}: what is older than 400 days goes`, async t => {
    const day = 86_400_000
    const { id } = await person(world)
    for (const days of [401, 399]) {
      desk.audit.note({ event: 'signin', actor: 'user', user: id, at: Date.now() - days * day })
    }
    t.is((await allRows(world, id)).length, 2)
    await desk.audit.sweep()
    const kept = await allRows(world, id)
    t.is(kept.length, 1)
    t.true((kept[0]?.at ?? 0) > Date.now() - 400 * day)
  })
}

test('a flood of refusals from one network fills no table, and hides nothing from elsewhere', async t => {
  const database = await openMigrated('sqlite::memory:')
  let told = 0
  const audit = new Audit(database, { info: () => void told++, warn: () => {} })
  t.teardown(() => database.destroy())
  const refused = (prefix: string): Deed => ({
    event: 'signin_refused',
    actor: 'user',
    user: null,
    prefix,
    outcome: 'invalid_credentials',
  })
  for (let n = 0; n < 1_000; n++) audit.note(refused('192.0.2.0/24'))
  audit.note(refused('198.51.100.0/24'))
  audit.note({ event: 'signin', actor: 'user', user: null, prefix: '192.0.2.0/24' })
  await audit.close()
  const rows = await all(audit.read())
  const from = (network: string) => rows.filter(({ prefix }) => prefix === network).length
  // A minute may end meanwhile.
  t.true(from('192.0.2.0/24') <= 201)
  t.is(from('198.51.100.0/24'), 1)
  t.is(rows.filter(({ event }) => event === 'signin').length, 1)
  t.is(told, 1_002, 'the log has each of them')
})

test('what a site makes up is bounded by itself, and hides nothing that browsers or other sites cause', async t => {
  const database = await openMigrated('sqlite::memory:')
  const audit = new Audit(database, { info: () => {}, warn: () => {} })
  t.teardown(() => database.destroy())
  const common = { user: null, outcome: 'ticket_unknown', event: 'ticket_refused' } as const
  const network = (n: number) => `10.${n >> 8}.${n & 255}.0/24`
  const said = (site: string, prefix: string) => audit.note({ ...common, actor: 'site', site, prefix })
  for (let n = 0; n < 4_000; n++) said('hostile', network(n))
  for (let n = 0; n < 4_000; n++) {
    audit.note({
      event: 'session_revoked',
      actor: 'site',
      site: 'hostile',
      user: null,
      session: 'a'.repeat(32),
    })
  }
  // Those networks have all of their own still.
  for (let n = 0; n < 100; n++) {
    audit.note({
      event: 'signin_refused',
      actor: 'user',
      user: null,
      prefix: network(0),
      outcome: 'forbidden',
    })
    said('shop', network(0))
  }
  audit.note({ event: 'session_revoked', actor: 'site', site: 'shop', user: null })
  await audit.close()
  const rows = await all(audit.read())
  const count = (site: string | null, event: string) =>
    rows.filter(row => row.site === site && row.event === event).length
  // A minute may end meanwhile.
  t.true(count('hostile', 'ticket_refused') >= 500 && count('hostile', 'ticket_refused') <= 1_000)
  t.true(count('hostile', 'session_revoked') >= 3_000 && count('hostile', 'session_revoked') < 4_000)
  t.is(count(null, 'signin_refused'), 100)
  t.is(count('shop', 'ticket_refused'), 100)
  t.is(count('shop', 'session_revoked'), 1)
})

test('what waits for a database that is away is bounded', async t => {
  const database = await openMigrated('sqlite::memory:')
  await database.destroy()
  const said: string[] = []
  let told = 0
  const audit = new Audit(database, { info: () => void told++, warn: (_, event) => void said.push(event) })
  for (let n = 0; n < 12_000; n++) audit.note({ event: 'signin', actor: 'user', email: 'a@example.com' })
  t.is(told, 2_000, 'what is not taken is told at once')
  await audit.close()
  await audit.flush()
  t.deepEqual(said, ['audit_not_written'])
})

async function addUser(database: Database, email: string): Promise<string> {
  const row = newRow({ email, name: 'N' }, null)
  await insertUser(database, row)
  return row.id
}

test('more than a page is read whole and in its order', async t => {
  const database = await openMigrated('sqlite::memory:')
  const audit = new Audit(database, { info: () => {}, warn: () => {} })
  t.teardown(() => database.destroy())
  const [user, other] = [await addUser(database, 'a@example.com'), await addUser(database, 'b@example.com')]
  const at = Date.now() - 60_000
  for (let n = 0; n < 2_500; n++) {
    const session = n.toString(16).padStart(32, '0')
    audit.note({ event: 'signin', actor: 'user', user, session, at: at + (n >> 10) })
    if (n % 5 === 0) audit.note({ event: 'signin', actor: 'user', user: other, at })
  }
  await audit.close()
  const rows = await all(audit.read({ user }))
  t.deepEqual(
    rows.map(({ session }) => Number.parseInt(session ?? '', 16)),
    Array.from({ length: 2_500 }, (_, n) => n),
  )
  t.is((await all(audit.read())).length, 3_000)
  t.is((await all(audit.read({ user, since: at + 1 }))).length, 2_500 - 1_024)
})

test('a user who is removed while a deed is on its way to the table is not named there', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const { desk, users } = world.service
  const { id } = await users.add({ email: 'late@example.com', password: GOOD_PASSWORD, name: 'L' })
  desk.audit.note({ event: 'signin', actor: 'user', user: id, session: 'a'.repeat(32), prefix: HERE })
  await removeUser(desk, id)
  await desk.audit.flush()
  t.like((await allRows(world)).at(-1), { event: 'signin', user_id: null, session: null, prefix: null })
})

test('that a person let a site know is kept', async t => {
  const asks = (yaml: string) => yaml.replace(/(id: games.*), fanOut: pull/, '$1, ask: true')
  const world = await startWorld({ adjust: asks })
  t.teardown(() => world.close())
  const { id, email } = await person(world)
  const browser = await signedIn(world, email)
  const page = `${world.auth}/authorize?site=games&state=${'s'.repeat(43)}`
  t.is((await submitForm(browser, page, {})).status, 200)
  const session = handleOf(world, browser)
  t.like((await allRows(world, id)).at(-1), { event: 'site_allowed', site: 'games', session, prefix: HERE })
})

test('a process that is killed right after it has removed a user leaves nobody named', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const { desk, users } = world.service
  const { id } = await users.add({ email: 'gone@example.com', password: GOOD_PASSWORD, name: 'G' })
  desk.audit.note({ event: 'signin', actor: 'user', user: id })
  t.is((await allRows(world, id)).length, 1)
  const killed = {
    transaction: () => desk.database.transaction(),
    updateTable() {
      throw new Error('killed')
    },
  } as unknown as Database
  await t.throwsAsync(removeUser({ ...desk, database: killed }, id), { code: 'store_unavailable' } as object)
  t.is(await users.find({ id }), null)
  t.is((await allRows(world, id)).length, 0)
})

const carnet = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')
const CARNET_MANIFEST = join(import.meta.dirname, '../../deploy/demo/sites.yaml')
const folder = mkdtempSync(join(tmpdir(), 'carnet-audit-'))

const DATABASES: Record<string, () => Promise<string>> = {
  sqlite: async () => `sqlite:${join(mkdtempSync(join(folder, 'db-')), 'carnet.sqlite')}`,
  postgres: () => postgres.create(),
}

async function commandsOn(create: () => Promise<string>) {
  const env = { CARNET_MANIFEST, CARNET_DATA_DIR: folder, CARNET_DATABASE_URL: await create() }
  return async (args: string[], input?: string) => {
    const program = run([carnet, ...args], env, input)
    const code = await program.exited
    return { code, output: program.output() }
  }
}

const linesOf = ({ output }: { output: string }) => output.trim().split('\n')

for (const [name, create] of Object.entries(DATABASES)) {
  test.serial(`${name}: what is done to a user by command is kept, and "carnet audit" shows it`, async t => {
    const command = await commandsOn(create)
    const email = 'lin@example.com'
    const added = await command(['user', 'add', email, '--json'], `${GOOD_PASSWORD}\n`)
    const { id } = JSON.parse(added.output) as { id: string }
    for (const args of [
      ['roles', email, 'editor'],
      ['disable', email],
      ['enable', email],
    ])
      t.is((await command(['user', ...args])).code, 0, args.join(' '))
    const shown = await command(['audit', '--json'])
    t.is(shown.code, 0, shown.output)
    const entries = linesOf(shown).map(line => JSON.parse(line) as Record<string, string | null>)
    t.deepEqual(
      entries.map(({ event }) => event),
      ['user_added', 'roles_changed', 'user_disabled', 'user_enabled'],
    )
    for (const entry of entries) {
      t.like(entry, { user: id, actor: 'admin', outcome: 'ok', prefix: null, site: null, session: null })
      t.regex(entry['at'] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/)
    }
    const [table, byId, lately, long, none] = await Promise.all(
      [
        ['--user', email],
        ['--user', id, '--json'],
        ['--since', '1h', '--json'],
        ['--since', '2000-01-01T00:00Z', '--json'],
        ['--since', '2100-01-01', '--json'],
      ].map(args => command(['audit', ...args])),
    )
    const [titles, , , , last] = linesOf(table as { output: string })
    t.regex(titles ?? '', /^time \(UTC\) +event +outcome +by +user +network +site +session$/)
    t.regex(last ?? '', /Z +user_enabled +ok +admin +lin@example\.com +- +- +-$/)
    for (const read of [byId, lately, long]) t.is(linesOf(read as { output: string }).length, 4)
    t.is(none?.output, '')
  })
}

test.serial('an import is kept, and that a secret was printed', async t => {
  const command = await commandsOn(DATABASES['sqlite'] as () => Promise<string>)
  const csv = join(folder, 'nobody.csv')
  writeFileSync(csv, 'email,name,password_hash\n')
  for (const args of [
    ['user', 'import', csv],
    ['site', 'secret', 'shop'],
    ['credentials'],
    ['redis-acl', '--password', 'news'],
  ])
    t.is((await command(args)).code, 0, args.join(' '))
  const entries = linesOf(await command(['audit', '--json'])).map(
    line => JSON.parse(line) as Record<string, unknown>,
  )
  t.deepEqual(
    entries.map(({ event, site, actor }) => [event, site, actor]),
    [
      ['users_imported', null, 'admin'],
      ['site_secret_shown', 'shop', 'admin'],
      ['credentials_shown', null, 'admin'],
      ['redis_password_shown', 'news', 'admin'],
    ],
  )
})

test.serial('"carnet audit" says what is wrong, and what to write', async t => {
  const command = await commandsOn(DATABASES['sqlite'] as () => Promise<string>)
  for (const since of ['yesterday', '24', '2026-02-31', '2026-13-01', '2026-11-01T08:30']) {
    const { code, output } = await command(['audit', '--since', since])
    t.is(code, 1, since)
    t.true(output.includes(`--since ${since} is no time: give a duration such as 24h`))
  }
  for (const user of ['nobody@example.com', 'no-such-id']) {
    const { code, output } = await command(['audit', '--user', user])
    t.is(code, 1)
    t.regex(output, new RegExp(`no user ${user}`))
  }
  t.regex((await command(['--help'])).output, /audit \[options\] +who did what/)
})

test('a secret is printed also where the database does not answer', async t => {
  const env = { CARNET_MANIFEST, CARNET_DATA_DIR: folder, CARNET_DATABASE_URL: 'postgres://x@127.0.0.1:1/y' }
  const program = run([carnet, 'site', 'secret', 'shop'], env)
  t.is(await program.exited, 0)
  t.regex(program.output(), /^[\w-]{43}\n.*audit log could not be written/)
})
