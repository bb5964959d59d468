import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openDatabase } from '../../packages/auth-service/src/accounts/database.ts'
import { type Installation, prepareInstallation } from '../support/installation.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const DAY = 86_400_000
const [newest, older] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')]

const redis = await startRedis()
const postgres = await startPostgres()
test.after.always(async () => {
  await redis.stop()
  await postgres.stop()
})

interface Diagnosis {
  code: number | null
  findings: { level: string; about: string; says: string }[]
  /** Level and text of what is said about one thing. */
  of: (about: string) => string[]
}

async function examine(at: Installation, env: Record<string, string>): Promise<Diagnosis> {
  const { code, output } = await at.command(['doctor', '--json'], env)
  const { findings } = JSON.parse(output) as Diagnosis
  const of = (about: string) =>
    findings.filter(finding => finding.about === about).map(({ level, says }) => `${level}: ${says}`)
  return { code, findings, of }
}

/** A service that runs, and has noted its secrets. */
async function installation(t: ExecutionContext, secrets: string) {
  const at = await prepareInstallation({ sites: { shop: '' } })
  const env = {
    CARNET_REDIS_URL: redis.url,
    CARNET_DATABASE_URL: await postgres.create(),
    CARNET_SECRETS: secrets,
    CARNET_PORT: new URL(at.auth).port,
  }
  await at.start('auth', env)
  const database = openDatabase(env.CARNET_DATABASE_URL)
  t.teardown(async () => {
    await database.destroy()
    await at.stop()
  })
  const keys = () => database.selectFrom('keys').selectAll().execute()
  await until(async () => (await keys()).length === secrets.split(',').length)
  return { at, env, database, keys }
}

test.serial('an installation in order has no fault, and each thing is looked at', async t => {
  const { at, env } = await installation(t, newest)
  const diagnosis = await examine(at, env)
  t.is(diagnosis.code, 0)
  t.deepEqual(
    diagnosis.findings.filter(({ level }) => level !== 'ok'),
    [],
  )
  t.deepEqual([...new Set(diagnosis.findings.map(({ about }) => about))].sort(), [
    'clock',
    'configuration',
    'database',
    'mail',
    'manifest',
    'production',
    'redis',
    'secrets',
    'service',
  ])
  t.regex(diagnosis.of('production').join(), /^ok: no: auth is http:\/\/auth\.localhost/)
  t.is(diagnosis.of('clock').length, 2, 'of Redis and of PostgreSQL')
  t.regex(diagnosis.of('secrets').join(), /the newest secret is less than an hour old/)
  const { code, output } = await at.command(['doctor'], env)
  t.is(code, 0)
  t.regex(output, /^ok {7}configuration {2}it works$/m)
  t.regex(output, /^0 faults, 0 warnings$/m)
  t.regex((await at.command(['doctor', '--help'], {})).output, /shows no secret and no password/)
})

test.serial('it says which secrets are old, and when one can be dropped', async t => {
  const { at, env, database, keys } = await installation(t, `${newest},${older}`)
  const change = async (signs: boolean, set: object) => {
    const all = await keys()
    const row = all.find(({ signs_since }) => (signs_since !== null) === signs)
    t.not(row, undefined)
    await database
      .updateTable('keys')
      .set(set)
      .where('fingerprint', '=', row?.fingerprint ?? '')
      .execute()
  }
  t.false((await keys()).some(({ fingerprint }) => `${newest}${older}`.includes(fingerprint)))
  const secrets = async (given = env.CARNET_SECRETS) =>
    (await examine(at, { ...env, CARNET_SECRETS: given })).of('secrets').join('\n')
  t.regex(await secrets(), /2 secrets; .* 30 days/)
  t.regex(await secrets(), /ok: the older secret .*can be dropped in 29 days/)
  await change(true, { signs_since: Date.now() - 31 * DAY })
  t.regex(
    await secrets(),
    /warning: the older secret still verifies; since 31 days a newer one signs, and the longest life is 30 days: it can be dropped/,
  )
  await change(true, { first_seen_at: Date.now() - 430 * DAY })
  t.regex(await secrets(), /warning: the newest secret is 14 months old: rotate/)
  t.regex(
    await secrets(`${older},${newest}`),
    /warning: the service that started last signs with another secret/,
  )
  t.regex(await secrets('z'.repeat(32)), /warning: no service has run with the newest secret yet/)
})

test.serial('an older secret that goes to the front again begins anew to count', async t => {
  const { at, env, database, keys } = await installation(t, `${newest},${older}`)
  await database.updateTable('keys').set({ signs_since: 1 }).where('signs_since', 'is not', null).execute()
  const signing = async () => (await keys()).find(({ signs_since }) => signs_since !== null)
  const first = await signing()
  await at.start('auth', { ...env, CARNET_SECRETS: `${older},${newest}` })
  await until(async () => (await signing())?.fingerprint !== first?.fingerprint)
  await at.start('auth', env)
  await until(async () => (await signing())?.fingerprint === first?.fingerprint)
  t.true(((await signing())?.signs_since ?? 0) > Date.now() - DAY)
  t.is((await keys()).length, 2)
})

test.serial('what is wrong is a fault with what to do, and no line shows a password', async t => {
  const { at, env, database } = await installation(t, newest)
  const faulty = async (more: Record<string, string>) => {
    const diagnosis = await examine(at, { ...env, ...more })
    t.is(diagnosis.code, 1, JSON.stringify(diagnosis.findings))
    t.notRegex(JSON.stringify(diagnosis.findings), /hunter2/)
    return diagnosis
  }
  const warnings = ({ findings }: Diagnosis) => findings.filter(({ level }) => level === 'warning').length

  t.regex(
    (await faulty({ CARNET_REDIS_URL: 'redis://u:hunter2@127.0.0.1:1' })).of('redis').join(),
    /fault: cannot be reached: .*ECONNREFUSED.*CARNET_REDIS_URL/,
  )
  t.regex(
    (await faulty({ CARNET_DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x' })).of('database').join(),
    /fault: does not answer: .*ECONNREFUSED.*CARNET_DATABASE_URL/,
  )
  t.regex(
    (await faulty({ CARNET_DATABASE_URL: await postgres.create() })).of('database').join(),
    /fault: the tables are not up to date: 0001-users, .*carnet migrate/,
  )
  t.regex(
    (await faulty({ CARNET_REDIS_URL: 'mysql://u:hunter2@h', CARNET_PORT: 'x' })).of('configuration').join(),
    /fault: CARNET_REDIS_URL must be.*fault: CARNET_PORT must be/,
  )

  const own = await startRedis({ log: false })
  t.teardown(() => own.stop())
  const lossy = await examine(at, { ...env, CARNET_REDIS_URL: own.url })
  t.regex(lossy.of('redis').join(), /warning: .*no replica and writes no append-only file/)
  await own.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const evicting = await examine(at, { ...env, CARNET_REDIS_URL: own.url })
  t.regex(evicting.of('redis').join(), /warning: .*allkeys-lru\): set noeviction/)
  t.is(warnings(evicting), warnings(lossy) + 1)

  const production = { ...env, CARNET_REDIS_URL: own.url, CARNET_MANIFEST: join(at.folder, 'public.yaml') }
  writeFileSync(
    production.CARNET_MANIFEST,
    'auth: https://auth.invalid\nticket: { binding: off }\nbrand: { logo: none.png }\nsites: [{ id: shop, origin: "https://shop.invalid" }]\n',
  )
  const inPublic = await faulty(production)
  t.regex(inPublic.of('production').join(), /yes: auth is https:\/\/auth\.invalid/)
  t.regex(inPublic.of('redis').join(), /fault: .*set noeviction.*warning: the default user may do everything/)
  t.regex(inPublic.of('mail').join(), /warning: CARNET_SMTP_URL is not set/)
  t.regex(inPublic.of('manifest').join(), /warning: the logo none\.png.*warning: ticket\.binding is off/)

  const now = Date.now()
  const mail = {
    kind: 'nothing',
    address: 'a',
    user_id: null,
    details: '{}',
    attempts: 3,
    sent_at: null,
    slot: null,
  }
  await database
    .insertInto('outbox')
    .values({ ...mail, id: '1', created_at: now - 3 * 3_600_000, due_at: now + DAY })
    .execute()
  t.regex((await examine(at, env)).of('mail').join(), /warning: 1 mail not sent yet, the oldest for 3 hours/)
})

test.serial('it asks the service that runs, and hands on what that says', async t => {
  const { at, env } = await installation(t, newest)
  let code = 0
  let data: object = { store: 'ok', database: 'ok', proxy: 'untrusted', hint: 'it is at 192.0.2.1' }
  const server = createServer((_req, res) => res.end(JSON.stringify({ code, data })))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const manifest = join(mkdtempSync(join(tmpdir(), 'carnet-doctor-')), 'sites.yaml')
  writeFileSync(
    manifest,
    `auth: http://nowhere.localhost:1\nsites: [{ id: shop, origin: "http://shop.localhost:1" }]\n`,
  )
  const asked = async (more: object) =>
    (await examine(at, { ...env, CARNET_MANIFEST: manifest, ...more })).of('service').join()
  t.regex(
    await asked({ CARNET_PORT: String(port) }),
    /ok: .* is ready,warning: .*CARNET_TRUST_PROXY.*192\.0\.2\.1/,
  )
  code = 503
  data = { store: 'unavailable', database: 'ok' }
  t.regex(await asked({ CARNET_PORT: String(port) }), /fault: .*cannot serve: store unavailable$/)
  t.regex(await asked({ CARNET_PORT: '1' }), /warning: no service answers/)
})
