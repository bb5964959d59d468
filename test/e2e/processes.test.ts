import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADA, PARTS } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import { walk } from '@carnet/demo/check'
import { loadManifest } from '@carnet/protocol'
import test from 'ava'
import { freePort } from '../support/free-port.ts'
import { type Program, printed, run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson } from '../support/world.ts'

const repository = join(import.meta.dirname, '../..')
const carnet = join(repository, 'packages/auth-service/src/cli/main.ts')
const siteServer = join(repository, 'deploy/demo/site-server.ts')

const folder = mkdtempSync(join(tmpdir(), 'carnet-processes-'))
const file = join(folder, 'sites.yaml')
const redis = await startRedis()
const ports: number[] = []
for (const _ of PARTS) ports.push(await freePort())
writeFileSync(
  file,
  `auth: http://auth.localhost:${ports[0]}
sites:
  - { id: shop, origin: "http://shop.localhost:${ports[1]}", fanOut: pull }
  - { id: news, origin: "http://news.localhost:${ports[2]}", fanOut: push }
  - { id: games, origin: "http://games.localhost:${ports[3]}", fanOut: pull }
`,
)
const manifest = loadManifest(file)
const env = { CARNET_MANIFEST: file, CARNET_REDIS_URL: redis.url, CARNET_DATA_DIR: join(folder, 'data') }
const running: Program[] = []

test.after.always(async () => {
  for (const program of running) program.process.kill('SIGKILL')
  await redis.stop()
})

async function command(args: string[], input?: string, more: Record<string, string> = {}) {
  const program = run([carnet, ...args], { ...env, ...more }, input)
  const code = await program.exited
  return { code, output: program.output() }
}

async function serve(): Promise<Program> {
  const program = run([carnet, 'serve'], { ...env, CARNET_PORT: String(ports[0]) })
  running.push(program)
  await printed(program, 'listening')
  return program
}

test.serial(
  'an operator adds a user, starts the parts as processes of their own, and people sign in at all of them',
  async t => {
    t.is((await command(['user', 'add', ADA.email, '--name', ADA.name], 'too short\n')).code, 1)
    const added = await command(
      ['user', 'add', ADA.email, '--name', ADA.name, '--role', 'member'],
      `${ADA.password}\n`,
    )
    t.is(added.code, 0, added.output)
    t.regex((await command(['user', 'list'])).output, /ada@example\.com\s+Ada\s+unverified, member/)
    t.is((await command(['user', 'add', ADA.email], `${ADA.password}\n`)).code, 1, 'the address is taken')

    await serve()
    for (const [index, { id }] of manifest.sites.entries()) {
      const secret = await command(['site', 'secret', id])
      t.is(secret.code, 0, secret.output)
      const site = run([siteServer], {
        ...env,
        CARNET_SITE: id,
        CARNET_SITE_SECRETS: secret.output.trim(),
        CARNET_PORT: String(ports[index + 1]),
      })
      running.push(site)
      await printed(site, 'listening')
    }
    for (const { step, expected, seen } of await walk(manifest)) t.is(seen, expected, step)
  },
)

test.serial('nothing that opens anything stands in the logs of any part', t => {
  for (const program of running) {
    t.notRegex(program.output(), /ticket=|state=|carnet=|\b(shop|news|games)\.[\w-]{8}\.[\w-]{24}/)
    t.false(program.output().includes(ADA.password))
    t.regex(program.output(), /"msg":"(session_started|claim_swapped|ticket_redeemed)"/)
  }
})

test.serial(
  'SIGTERM drains: what runs is finished, nothing new is taken, and the process ends well',
  async t => {
    const [service] = running as [Program]
    const browser = new Browser()
    const under = postJson(browser, `${manifest.auth}/signin`, { email: ADA.email, password: ADA.password })
    // The request is under way once a worker computes its hash; readiness answers meanwhile.
    await browser.request(`${manifest.auth}/readyz`)
    const startedAt = performance.now()
    service.process.kill('SIGTERM')
    t.is((await under).status, 200)
    t.is(await service.exited, 0)
    t.true(performance.now() - startedAt < 10_000)
    await t.throwsAsync(browser.request(`${manifest.auth}/healthz`))
    await serve()
    const shop = manifest.sites[0]?.origin ?? ''
    await until(async () => (await browser.visit(`${shop}/members`)).body.includes('Signed in as Ada'))
  },
)

test.serial('the commands help, check and list', async t => {
  const help = await command(['--help'])
  t.is(help.code, 0)
  for (const word of ['serve', 'check', 'site', 'user', 'CARNET_REDIS_URL'])
    t.true(help.output.includes(word), word)
  t.is((await command(['sreve'])).code, 1)
  t.regex((await command(['sreve'])).output, /did you mean serve/i)
  t.regex((await command(['check'])).output, /is in order: shop, news, games/)
  const faulty = join(folder, 'faulty.yaml')
  writeFileSync(faulty, 'auth: https://auth.example\nsties: []\n')
  const check = await command(['check', faulty])
  t.is(check.code, 1)
  t.regex(check.output, /faulty\.yaml:2:1 .*did you mean "sites"/)
  t.regex((await command(['site', 'list'])).output, /news\s+push\s+http:\/\/news/)
  t.is((JSON.parse((await command(['site', 'list', '--json'])).output) as unknown[]).length, 3)
  t.regex((await command(['site', 'secret', 'nobody'])).output, /no site "nobody"/)
  const broken = await command(['serve'], undefined, {
    CARNET_MANIFEST: faulty,
    CARNET_REDIS_URL: '',
    CARNET_PORT: 'x',
  })
  t.is(broken.code, 1)
  for (const word of ['CARNET_PORT', 'faulty.yaml:2:1']) t.true(broken.output.includes(word), word)
  const taken = await command(['serve'], undefined, { CARNET_PORT: String(ports[0]) })
  t.is(taken.code, 1, 'a port that is taken ends the process')
  t.regex(taken.output, /CARNET_PORT/)
  t.is(
    (await command(['serve'], undefined, { CARNET_PORT: '0', CARNET_DATABASE_URL: `sqlite:${folder}` })).code,
    1,
  )
  t.regex((await command(['--version'])).output, /^\d+\.\d+\.\d+/)
})
