import { argon2Sync, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthService } from '@carnet/auth-service'
import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import { fixedManifest, loadManifest, MemoryStore, openStore, parseSecrets } from '@carnet/protocol'
import { carnet } from '@carnet/site-agent/koa'
import test from 'ava'
import bcrypt from 'bcryptjs'
import Koa from 'koa'
import { pino } from 'pino'
import { readForeignHash } from '../../packages/auth-service/src/accounts/foreign-hash.ts'
import { GOOD_PASSWORD, jsonOf } from '../support/accounts.ts'
import { startPostgres } from '../support/postgres.ts'
import { run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, startWorld } from '../support/world.ts'

const carnetCommand = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')
const CARNET_MANIFEST = join(import.meta.dirname, '../../deploy/demo/sites.yaml')
const folder = mkdtempSync(join(tmpdir(), 'carnet-commands-'))
const redis = await startRedis()
const postgres = await startPostgres()
test.after.always(async () => {
  await redis.stop()
  await postgres.stop()
})

async function command(env: Record<string, string>, args: string[], input?: string) {
  const program = run([carnetCommand, ...args], { CARNET_MANIFEST, CARNET_DATA_DIR: folder, ...env }, input)
  const code = await program.exited
  return { code, output: program.output() }
}

const SETUPS: Record<string, () => Promise<Record<string, string>>> = {
  'sqlite, embedded store': async () => ({
    CARNET_DATABASE_URL: `sqlite:${join(mkdtempSync(join(folder, 'db-')), 'carnet.sqlite')}`,
  }),
  'postgres, Redis': async () => ({
    CARNET_DATABASE_URL: await postgres.create(),
    CARNET_REDIS_URL: redis.url,
  }),
}

for (const [name, setUp] of Object.entries(SETUPS)) {
  test.serial(
    `${name}: roles and disabling by command reach the live sessions of a running service`,
    async t => {
      const env = await setUp()
      const { CARNET_DATABASE_URL: databaseUrl = '', CARNET_REDIS_URL: url } = env
      const store = url === undefined ? new MemoryStore() : await openStore(url)
      const world = await startWorld({ databaseUrl, store })
      t.teardown(() => world.close())
      const agent = world.agents['shop']
      const app = new Koa()
      // biome-ignore lint/style/noNonNullAssertion: the demo has a shop
      app.use(carnet(agent!))
      app.use(carnet.required({ role: 'editor' }) as Koa.Middleware)
      app.use(ctx => {
        ctx.body = 'edited'
      })
      const server = createServer(app.callback())
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
      t.teardown(() => server.close())

      const email = 'lin@example.com'
      await world.service.users.add({ email, password: GOOD_PASSWORD, name: 'Lin' })
      const browser = new Browser()
      await postJson(browser, `${world.auth}/signin`, { email, password: GOOD_PASSWORD })
      await browser.visit(`${world.shop}/members`)
      const port = (server.address() as { port: number }).port
      const edit = async () => {
        const cookie = `carnet=${browser.cookie(world.shop, 'carnet')}`
        const reply = await new Browser().request(`http://shop.localhost:${port}/`, {
          headers: { accept: 'application/json', cookie },
        })
        return reply.body === 'edited' ? 'edited' : jsonOf(reply).error
      }
      t.is(await edit(), 'forbidden')
      const roles = await command(env, ['user', 'roles', email, 'editor', 'author', '--json'])
      t.like(JSON.parse(roles.output), { email, roles: ['editor', 'author'] })
      await until(async () => (await edit()) === 'edited')
      t.is((await command(env, ['user', 'roles', email])).code, 0)
      await until(async () => (await edit()) === 'forbidden')

      const disabled = await command(env, ['user', 'disable', email])
      t.is(disabled.code, 0, disabled.output)
      await until(async () => (await edit()) === 'signed_out')
      t.is(
        (await postJson(new Browser(), `${world.auth}/signin`, { email, password: GOOD_PASSWORD })).status,
        401,
      )
      t.regex((await command(env, ['user', 'list'])).output, /lin@example\.com .*disabled/)
      t.is((await command(env, ['user', 'enable', email])).code, 0)
      t.is((await postJson(browser, `${world.auth}/signin`, { email, password: GOOD_PASSWORD })).status, 200)

      const show = JSON.parse((await command(env, ['user', 'show', email, '--json'])).output) as {
        sessions: object[] | null
      }
      const list = await command(env, ['session', 'list', email, '--json'])
      if (url === undefined) {
        t.is(show.sessions, null)
        t.is(list.code, 1)
        t.regex(list.output, /CARNET_REDIS_URL/)
        return
      }
      t.is(show.sessions?.length, 1)
      const [session] = JSON.parse(list.output) as { id: string; email: string }[]
      t.is(session?.email, email)
      t.regex((await command(env, ['session', 'list'])).output, new RegExp(`${session?.id}.*${email}`))
      t.is((await command(env, ['session', 'revoke', 'nothing-like-it'])).code, 1)
      t.deepEqual(
        JSON.parse((await command(env, ['session', 'revoke', session?.id ?? '', '--json'])).output),
        {
          ended: 1,
        },
      )
      t.is(
        (await browser.request(`${world.auth}/account`, { headers: { accept: 'application/json' } })).status,
        401,
      )
      await postJson(browser, `${world.auth}/signin`, { email, password: GOOD_PASSWORD })
      t.regex((await command(env, ['session', 'revoke', email])).output, /Ended: 1/)

      for (const args of [
        ['session', 'revoke'],
        ['session', 'revoke', email, '--all'],
      ]) {
        const refused = await command(env, args)
        t.is(refused.code, 1)
        t.regex(refused.output, /--all/)
      }
      const other = new Browser()
      const whose = (each: Browser) =>
        each.request(`${world.auth}/account`, { headers: { accept: 'application/json' } })
      await postJson(browser, `${world.auth}/signin`, { email, password: GOOD_PASSWORD, remember: true })
      await postJson(other, `${world.auth}/signin`, { email: ADA.email, password: ADA.password })
      for (const each of [browser, other]) t.is((await whose(each)).status, 200)
      t.regex((await command(env, ['session', 'revoke', '--all'])).output, /Ended: 2/)
      for (const each of [browser, other]) t.is((await whose(each)).status, 401)
    },
  )
}

test.serial('commands say what is wrong, and what to do', async t => {
  const env = await (SETUPS['sqlite, embedded store'] as () => Promise<Record<string, string>>)()
  for (const [args, says] of [
    [['user', 'show', 'nobody@example.com'], /no user nobody@example\.com/],
    [['user', 'disable', 'nobody@example.com'], /no user/],
    [['user', 'roles', 'nobody@example.com', 'x'], /no user/],
    [['user', 'import', join(folder, 'nothing.csv')], /nothing\.csv/],
  ] as [string[], RegExp][]) {
    const { code, output } = await command(env, args)
    t.is(code, 1, output)
    t.regex(output, says)
  }
  const nowhere = { ...env, CARNET_REDIS_URL: 'redis://127.0.0.1:1' }
  for (const args of [
    ['session', 'list'],
    ['session', 'revoke', 'x'],
  ]) {
    const { code, output } = await command(nowhere, args)
    t.is(code, 1)
    t.regex(output, /does not answer.*CARNET_REDIS_URL/)
  }
  const noDatabase = { CARNET_DATABASE_URL: 'postgres://x@127.0.0.1:1/y' }
  t.regex((await command(noDatabase, ['user', 'list'])).output, /CARNET_DATABASE_URL/)
  const weak = await command(env, ['user', 'add', 'a@example.com'], 'passwordpassword\n')
  t.is(weak.code, 1)
  t.regex(weak.output, /tried first/)
  t.regex((await command(env, ['credentials'])).output, /^[\w-]{43}\n$/)
})

const PASSWORD = 'what they always typed'

function foreignHashes(): Record<string, string> {
  const salt = randomBytes(16)
  const b64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const argon2 = argon2Sync('argon2id', {
    message: PASSWORD,
    nonce: salt,
    parallelism: 1,
    tagLength: 32,
    memory: 8_192,
    passes: 2,
  })
  return {
    bcrypt: bcrypt.hashSync(PASSWORD, 4),
    'bcrypt-php': bcrypt.hashSync(PASSWORD, 4).replace('$2b$', '$2y$'),
    argon2: `$argon2id$v=19$m=8192,t=2,p=1$${b64(salt)}$${b64(argon2)}`,
    scrypt: `$scrypt$ln=10,r=8,p=1$${b64(salt)}$${b64(scryptSync(PASSWORD, salt, 32, { N: 1_024, r: 8, p: 1 }))}`,
    pbkdf2: `$pbkdf2-sha256$i=1000,l=32$${b64(salt)}$${b64(pbkdf2Sync(PASSWORD, salt, 1_000, 32, 'sha256'))}`,
    django: `pbkdf2_sha256$1000$saltsalt$${pbkdf2Sync(PASSWORD, 'saltsalt', 1_000, 32, 'sha256').toString('base64')}`,
    passlib: `$pbkdf2-sha512$1000$${b64(salt).replaceAll('+', '.')}$${b64(pbkdf2Sync(PASSWORD, salt, 1_000, 64, 'sha512')).replaceAll('+', '.')}`,
  }
}

for (const [name, setUp] of Object.entries(SETUPS)) {
  test.serial(
    `${name}: users come with the hashes that they have, which become ours at the first sign-in`,
    async t => {
      const env = await setUp()
      const hashes = Object.entries(foreignHashes())
      const csv = join(folder, `${name.length}.csv`)
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
      writeFileSync(
        csv,
        [
          'email,name,password_hash,email_verified,roles',
          ...hashes.map(
            ([kind, hash]) => `${kind}@example.com,"Müller, ${kind}",${quote(hash)},true,editor author`,
          ),
          `no address,X,${quote(hashes[0]?.[1] ?? '')},true,`,
          `md5@example.com,X,5f4dcc3b5aa765d61d8327deb882cf99,true,`,
          `huge@example.com,X,"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$${'A'.repeat(43)}",true,`,
          `maybe@example.com,X,${quote(hashes[0]?.[1] ?? '')},perhaps,`,
        ].join('\n'),
      )
      const first = await command(env, ['user', 'import', csv])
      t.is(first.code, 1, 'some were refused')
      t.regex(first.output, new RegExp(`Added ${hashes.length}\\. There already: 0\\. Refused: 4`))
      t.regex(first.output, /line 9: no address: this is no e-mail address/)
      t.regex(first.output, /md5@example\.com: password_hash is none of/)
      t.regex(first.output, /huge@example\.com: .*costs too much/)
      t.regex(
        (await command(env, ['user', 'import', csv])).output,
        new RegExp(`Added 0\\. There already: ${hashes.length}\\.`),
      )

      for (const hash of [
        bcrypt.hashSync(PASSWORD, 4).replace('$2b$', '$2x$'),
        `$2b$15$${'a'.repeat(53)}`,
        `$scrypt$ln=16,r=1,p=1$c2FsdA$${'A'.repeat(43)}`,
        `$scrypt$ln=1,r=999,p=999$c2FsdA$${'A'.repeat(43)}`,
        `$pbkdf2-sha1$i=5000000$c2FsdA$${'A'.repeat(171)}`,
      ])
        t.is(readForeignHash(hash), null, hash)
      const json = join(folder, `${name.length}.json`)
      writeFileSync(
        json,
        JSON.stringify([
          { email: 'j@example.com', password_hash: hashes[0]?.[1], roles: ['x'] },
          { email: 'k@example.com', role: 'admin' },
          7,
        ]),
      )
      const report = JSON.parse(
        (await command(env, ['user', 'import', json, '--json'])).output.split('\n').slice(0).join('\n'),
      ) as {
        added: number
        refused: { line: number; reason: string }[]
      }
      t.is(report.added, 1)
      t.deepEqual(
        report.refused.map(({ line }) => line),
        [2, 3],
      )
      t.regex(
        report.refused[0]?.reason ?? '',
        /password_hash is missing.*unknown: role|unknown: role.*password_hash is missing/,
      )

      const service = await createAuthService({
        manifest: fixedManifest(loadManifest(CARNET_MANIFEST)),
        store: new MemoryStore(),
        databaseUrl: env['CARNET_DATABASE_URL'] ?? '',
        secrets: parseSecrets('x'.repeat(32)),
        log: pino({ level: 'silent' }),
        passwordCost: 4,
      })
      t.teardown(() => service.close())
      const stored = async (email: string) =>
        (
          await service.desk.database
            .selectFrom('users')
            .select('password_hash')
            .where('email', '=', email)
            .executeTakeFirst()
        )?.password_hash ?? ''
      for (const [kind, hash] of hashes) {
        const email = `${kind}@example.com`
        await t.throwsAsync(
          service.users.authenticate(email, `${PASSWORD}x`),
          { code: 'invalid_credentials' } as object,
          kind,
        )
        t.is(await stored(email), hash, 'a wrong password changes nothing')
        const { user } = await service.users.authenticate(email, PASSWORD)
        t.like(user, { name: `Müller, ${kind}`, emailVerified: true })
        t.deepEqual(user.roles, ['editor', 'author'])
        t.true((await stored(email)).startsWith('{hmac-sha256}$2b$04$'), kind)
        await service.users.authenticate(email, PASSWORD)
      }
    },
  )
}

test.serial('tables print nothing that a terminal obeys, and JSON escapes it', async t => {
  const env = {
    CARNET_DATABASE_URL: `sqlite:${join(mkdtempSync(join(folder, 'printed-')), 'carnet.sqlite')}`,
  }
  const service = await createAuthService({
    manifest: fixedManifest(loadManifest(CARNET_MANIFEST)),
    store: new MemoryStore(),
    databaseUrl: env.CARNET_DATABASE_URL,
    secrets: parseSecrets('x'.repeat(32)),
    log: pino({ level: 'silent' }),
    passwordCost: 4,
  })
  const name = 'A\u009b2J\u001b[31m\u202ed\u{e0001}a'
  await service.users.add({ email: 'a@example.com', password: PASSWORD, name })
  await service.close()
  const table = await command(env, ['user', 'list'])
  t.regex(table.output, /A2J\[31mda /)
  const shown = await command(env, ['user', 'list', '--json'])
  t.regex(shown.output, /\\u009b2J\\u001b/)
  for (const { output } of [table, shown]) t.notRegex(output, /[^\P{C}\n]/u)
  t.like(JSON.parse(shown.output)[0], { name })
})

test.serial('a hash of an older cost is replaced at the next sign-in', async t => {
  const databaseUrl = `sqlite:${join(mkdtempSync(join(folder, 'cost-')), 'carnet.sqlite')}`
  const demo = loadManifest(CARNET_MANIFEST)
  const start = (cost: number) =>
    createAuthService({
      manifest: fixedManifest({ ...demo, accounts: { ...demo.accounts, password: { minLength: 15, cost } } }),
      store: new MemoryStore(),
      databaseUrl,
      secrets: parseSecrets('x'.repeat(32)),
      log: pino({ level: 'silent' }),
    })
  const before = await start(4)
  await before.users.add({ email: 'a@example.com', password: PASSWORD, name: 'A' })
  await before.close()
  const after = await start(5)
  t.teardown(() => after.close())
  await after.users.authenticate('a@example.com', PASSWORD)
  const row = await after.desk.database.selectFrom('users').select('password_hash').executeTakeFirst()
  t.true(row?.password_hash?.startsWith('{hmac-sha256}$2b$05$'))
  await after.users.authenticate('a@example.com', PASSWORD)
})

test('production refuses a Redis that throws sessions away when its memory is full', async t => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  await own.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const manifest = join(mkdtempSync(join(folder, 'evicts-')), 'sites.yaml')
  writeFileSync(
    manifest,
    'auth: https://auth.example.com\nsites: [{ id: shop, origin: "https://shop.example" }]\n',
  )
  const env = {
    CARNET_MANIFEST: manifest,
    CARNET_SECRETS: 'x'.repeat(32),
    CARNET_REDIS_URL: own.url,
    CARNET_PORT: '0',
  }
  const refused = await command(env, ['serve'])
  t.is(refused.code, 1)
  t.regex(refused.output, /maxmemory-policy to noeviction/)
})
