import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createAuthService } from '@carnet/auth-service'
import { fixedManifest, loadManifest, MemoryStore, parseSecrets } from '@carnet/protocol'
import test from 'ava'
import { pino } from 'pino'
import { startPostgres } from '../support/postgres.ts'
import { run } from '../support/processes.ts'
import { until } from '../support/until.ts'

const carnet = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')
const CARNET_MANIFEST = join(import.meta.dirname, '../../deploy/demo/sites.yaml')
const postgres = await startPostgres()
const folder = mkdtempSync(join(tmpdir(), 'carnet-database-'))
test.after.always(() => postgres.stop())

const URLS: Record<string, () => Promise<string>> = {
  sqlite: async () => `sqlite:${join(mkdtempSync(join(folder, 'one-')), 'carnet.sqlite')}`,
  postgres: () => postgres.create(),
}

async function command(url: string, args: string[], input?: string) {
  const program = run(
    [carnet, ...args],
    { CARNET_MANIFEST, CARNET_DATABASE_URL: url, CARNET_DATA_DIR: folder },
    input,
  )
  const code = await program.exited
  return { code, output: program.output() }
}

for (const [name, create] of Object.entries(URLS)) {
  test(`${name}: tables are made once, however many processes come at the same moment`, async t => {
    const url = await create()
    const all = await Promise.all([1, 2, 3, 4].map(() => command(url, ['migrate'])))
    for (const { code, output } of all) t.is(code, 0, output)
    t.is(all.filter(({ output }) => output.includes('0001-users')).length, 1)
    t.is((await command(url, ['migrate', '--json'])).output.trim(), '[]')
  })

  test(`${name}: processes that write at the same time lose nothing`, async t => {
    const url = await create()
    const password = 'correct horse battery staple\n'
    const adding = [1, 2, 3, 4, 5, 6].map(n =>
      command(url, ['user', 'add', `u${n % 5}@example.com`], password),
    )
    const codes = (await Promise.all(adding)).map(({ code }) => code)
    t.is(codes.filter(code => code === 0).length, 5)
    t.is(codes.filter(code => code === 1).length, 1, 'one address was given twice')
    const listed = JSON.parse((await command(url, ['user', 'list', '--json'])).output) as { email: string }[]
    t.deepEqual(
      listed.map(({ email }) => email),
      ['u0', 'u1', 'u2', 'u3', 'u4'].map(user => `${user}@example.com`),
    )
  })
}

test('a process killed while people register leaves whole users, each with a mail on its way, or none', async t => {
  const file = join(mkdtempSync(join(folder, 'killed-')), 'carnet.sqlite')
  const script = join(folder, 'register.ts')
  writeFileSync(
    script,
    `import { createServer } from 'node:http'
import { createAuthService } from ${JSON.stringify(import.meta.resolve('@carnet/auth-service'))}
import { fixedManifest, loadManifest, MemoryStore } from ${JSON.stringify(import.meta.resolve('@carnet/protocol'))}
const service = await createAuthService({ manifest: fixedManifest(loadManifest(${JSON.stringify(CARNET_MANIFEST)})), store: new MemoryStore(), databaseUrl: ${JSON.stringify(`sqlite:${file}`)}, secrets: ['x'.repeat(32)], log: { info() {}, warn() {}, error() {}, debug() {} }, passwordCost: 4 })
const server = createServer(service.app.callback()).listen(0, '127.0.0.1', async () => {
  const password = 'seven purple kettles sing'
  for (let n = 0; ; n++) {
    const body = JSON.stringify({ name: 'U', email: 'u' + n + '@example.com', password, passwordAgain: password })
    const reply = await fetch('http://127.0.0.1:' + server.address().port + '/signup', { method: 'POST', headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' }, body })
    console.log(reply.status === 200 ? 'added ' + n : await reply.text())
    if (reply.status === 429) break
  }
})
`,
  )
  const program = run([script], {})
  await until(() => program.output().includes('added 20'), 20_000)
  program.process.kill('SIGKILL')
  await program.exited
  const acknowledged = [...program.output().matchAll(/added (\d+)/g)].length
  const sqlite = new DatabaseSync(file)
  t.like(sqlite.prepare('pragma integrity_check').get(), { integrity_check: 'ok' })
  const rows = sqlite.prepare('select * from users').all()
  const mails = sqlite.prepare('select user_id from outbox').all()
  sqlite.close()
  t.true(rows.length >= acknowledged, 'what was acknowledged is there')
  t.true(rows.length <= acknowledged + 1)
  t.deepEqual(mails.map(({ user_id }) => user_id).sort(), rows.map(({ id }) => id).sort())
  for (const { disabled_at: _, external_id: __, ...row } of rows)
    t.true(Object.values(row).every(value => value !== null && value !== ''))
})

test('a database that is away is said to be', async t => {
  const own = await startPostgres()
  const service = await createAuthService({
    manifest: fixedManifest(loadManifest(CARNET_MANIFEST)),
    store: new MemoryStore(),
    databaseUrl: await own.create(),
    secrets: parseSecrets('x'.repeat(32)),
    log: pino({ level: 'silent' }),
    passwordCost: 4,
  })
  t.teardown(() => service.close())
  await service.users.list()
  await own.stop()
  await t.throwsAsync(service.users.list(), { code: 'store_unavailable' } as object)
  await t.throwsAsync(service.users.authenticate('ada@example.com', 'x'), {
    code: 'store_unavailable',
  } as object)
})

test('commands that come at the same moment to an empty data folder all find one secret', async t => {
  const data = mkdtempSync(join(folder, 'empty-'))
  const script = join(data, 'read.ts')
  writeFileSync(
    script,
    `import { loadConfig } from ${JSON.stringify(import.meta.resolve('@carnet/auth-service'))}
const read = (round: number) => loadConfig({ CARNET_MANIFEST: ${JSON.stringify(CARNET_MANIFEST)}, CARNET_DATA_DIR: ${JSON.stringify(data)} + '/' + round }).secrets[0]
read(-1)
console.log('ready')
const [start] = await Array.fromAsync(process.stdin)
for (let round = 0; round < 40; round++) {
  while (Date.now() < Number(start) + round * 20);
  console.log(round, read(round))
}
`,
  )
  const racers = [1, 2].map(() => run([script], {}, null))
  await until(() => racers.every(racer => racer.output().includes('ready')), 20_000)
  const start = String(Date.now() + 50)
  for (const racer of racers) racer.process.stdin?.end(start)
  for (const racer of racers) t.is(await racer.exited, 0, racer.output())
  t.is(racers[0]?.output(), racers[1]?.output())
  t.deepEqual(readdirSync(join(data, '0')), ['secrets'])
})

test('the embedded database is its owner’s alone', async t => {
  const inner = join(folder, 'new/deep')
  t.is((await command(`sqlite:${inner}/carnet.sqlite`, ['migrate'])).code, 0)
  t.is(statSync(inner).mode & 0o777, 0o700)
  t.true(readFileSync(join(inner, 'carnet.sqlite')).length > 0)
})
