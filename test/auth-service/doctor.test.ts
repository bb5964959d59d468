import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import test, { type ExecutionContext } from 'ava'
import { pino } from 'pino'
import { openDatabase } from '../../packages/auth-service/src/accounts/database.ts'
import { loadConfig } from '../../packages/auth-service/src/config.ts'
import { diagnose } from '../../packages/auth-service/src/doctor/diagnose.ts'
import type { Finding } from '../../packages/auth-service/src/doctor/finding.ts'
import { type Running, serve } from '../../packages/auth-service/src/main.ts'
import { freePort } from '../support/free-port.ts'
import { COMMAND } from '../support/installation.ts'
import { listening, shut } from '../support/listening.ts'
import { startPostgres } from '../support/postgres.ts'
import { run } from '../support/processes.ts'
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

/** Level and text of what is said, by what it is about. */
async function examine(env: Record<string, string>): Promise<(about: string) => string[]> {
  const findings = await diagnose(env, { round: false })
  return about =>
    findings.filter(finding => finding.about === about).map(({ level, says }) => `${level}: ${says}`)
}

/** A service that runs, and has noted its secrets. */
async function installation(t: ExecutionContext, secrets: string) {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-doctor-'))
  const port = await freePort()
  const env = {
    CARNET_MANIFEST: join(folder, 'sites.yaml'),
    CARNET_REDIS_URL: redis.url,
    CARNET_DATABASE_URL: await postgres.create(),
    CARNET_SECRETS: secrets,
    CARNET_PORT: String(port),
  }
  writeFileSync(
    env.CARNET_MANIFEST,
    `auth: http://auth.localhost:${port}\nsites: [{ id: shop, origin: "http://shop.localhost:1" }]\n`,
  )
  let running: Running | null = null
  const database = openDatabase(env.CARNET_DATABASE_URL)
  const keys = () => database.selectFrom('keys').selectAll().execute()
  const start = async (changed: Record<string, string> = {}) => {
    await running?.close()
    running = await serve(loadConfig({ ...env, ...changed }), pino({ level: 'silent' }))
  }
  t.teardown(async () => {
    await database.destroy()
    await running?.close()
    rmSync(folder, { recursive: true })
  })
  await start()
  await until(async () => (await keys()).length === secrets.split(',').length)
  // The store is kept from the first beat on.
  await until(
    async () => (await new Browser().request(`http://auth.localhost:${port}/readyz`)).status === 200,
  )
  return { folder, env, database, keys, start }
}

test.serial('each thing is looked at, PostgreSQL as well', async t => {
  const { env, database } = await installation(t, newest)
  const findings = await diagnose(env)
  t.deepEqual(
    findings.filter(({ level }) => level !== 'ok').map(({ about }) => about),
    ['sites'],
  )
  t.deepEqual([...new Set(findings.map(({ about }) => about))].sort(), [
    'clock',
    'configuration',
    'cookies',
    'database',
    'mail',
    'manifest',
    'production',
    'proxy',
    'redis',
    'round',
    'secrets',
    'service',
    'sites',
    'tls',
  ])
  for (const table of ['users', 'sessions', 'audit', 'outbox'] as const) {
    t.deepEqual(await database.selectFrom(table).selectAll().execute(), [], table)
  }
  const of = await examine(env)
  t.regex(of('production').join(), /^ok: no: auth is http:\/\/auth\.localhost/)
  t.is(of('clock').length, 3, 'of Redis, of PostgreSQL and of the service')
  t.regex(of('secrets').join(), /the newest secret is less than an hour old/)
})

test.serial('as a command it prints JSON, and ends with 1 where something fails', async t => {
  const { folder, env } = await installation(t, newest)
  const program = run([COMMAND, 'doctor', '--json', '--no-round'], { ...env, CARNET_DATA_DIR: folder })
  t.is(await program.exited, 1)
  const { faults, warnings, findings } = JSON.parse(program.output()) as {
    faults: number
    warnings: number
    findings: Finding[]
  }
  t.deepEqual([faults, warnings], [1, 0])
  t.regex(
    findings.find(({ level }) => level === 'fault')?.says ?? '',
    /^shop: http:\/\/shop\.localhost:1 cannot/,
  )
})

test.serial('it says which secrets are old, and when one can be dropped', async t => {
  const { env, database, keys } = await installation(t, `${newest},${older}`)
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
    (await examine({ ...env, CARNET_SECRETS: given }))('secrets').join('\n')
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
  const { database, keys, start } = await installation(t, `${newest},${older}`)
  await database.updateTable('keys').set({ signs_since: 1 }).where('signs_since', 'is not', null).execute()
  const signing = async () => (await keys()).find(({ signs_since }) => signs_since !== null)
  const first = await signing()
  await start({ CARNET_SECRETS: `${older},${newest}` })
  await until(async () => (await signing())?.fingerprint !== first?.fingerprint)
  await start()
  await until(async () => (await signing())?.fingerprint === first?.fingerprint)
  t.true(((await signing())?.signs_since ?? 0) > Date.now() - DAY)
  t.is((await keys()).length, 2)
})

test.serial('what is wrong is a fault with what to do, and no line shows a password', async t => {
  const { folder, env, database } = await installation(t, newest)
  const faulty = async (more: Record<string, string>) => {
    const of = await examine({ ...env, ...more })
    t.notRegex(of('configuration').concat(of('redis'), of('database')).join(), /hunter2/)
    return { of }
  }

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
  await own.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const evicting = await examine({ ...env, CARNET_REDIS_URL: own.url })
  t.regex(evicting('redis').join(), /warning: .*allkeys-lru\): set noeviction/)

  const production = { ...env, CARNET_REDIS_URL: own.url, CARNET_MANIFEST: join(folder, 'public.yaml') }
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
  t.regex((await examine(env))('mail').join(), /warning: 1 mail not sent yet, the oldest for 3 hours/)
})

test.serial('it asks the service that runs, and hands on what that says', async t => {
  const { folder, env } = await installation(t, newest)
  let code = 0
  let data: object = { store: 'ok', database: 'ok', proxy: 'untrusted', hint: 'it is at 192.0.2.1' }
  const server = createServer((_req, res) => res.end(JSON.stringify({ code, data })))
  const port = await listening(server)
  t.teardown(() => shut(server))
  const manifest = join(folder, 'nowhere.yaml')
  writeFileSync(
    manifest,
    `auth: http://nowhere.localhost:1\nsites: [{ id: shop, origin: "http://shop.localhost:1" }]\n`,
  )
  const asked = async (more: Record<string, string>) =>
    (await examine({ ...env, CARNET_MANIFEST: manifest, ...more }))('service').join()
  t.regex(
    await asked({ CARNET_PORT: String(port) }),
    /ok: .* is ready,warning: .*CARNET_TRUST_PROXY.*192\.0\.2\.1/,
  )
  code = 503
  data = { store: 'unavailable', database: 'ok' }
  t.regex(
    await asked({ CARNET_PORT: String(port) }),
    /fault: .*cannot serve: store unavailable,warning: nobody answers at http:\/\/nowhere/,
  )
  t.regex(await asked({ CARNET_PORT: '1' }), /warning: no service answers/)
})
