import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import { parseSecrets, siteSecrets } from '@carnet/protocol'
import { type AgentRequest, createAgent } from '@carnet/site-agent'
import test from 'ava'
import { endWithUs } from '../support/children.ts'
import { fromGuide } from '../support/guide.ts'
import { COMMAND, prepareInstallation } from '../support/installation.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, signedIn, startWorld } from '../support/world.ts'

// The commands of docs/guides/operating.md, verbatim, in an installation of processes.

const redis = await startRedis()
const common = { CARNET_REDIS_URL: redis.url }
const manifest = 'accounts: { password: { cost: 10 } }'
const installation = await prepareInstallation({ sites: { shop: '' }, manifest, common })
const { auth, folder } = installation
test.after.always(async () => {
  await installation.stop()
  await redis.stop()
})

const bin = join(folder, 'bin')
mkdirSync(bin)
writeFileSync(join(bin, 'carnet'), `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`, {
  mode: 0o755,
})

/** Runs a block of the guide in a shell of the operator's; what it printed. Throws where a line of it fails. */
async function shell(first: string): Promise<string> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', fromGuide('operating.md', first, {})], {
    cwd: folder,
    // From a socket bash would take itself for a remote shell, and read its own files first.
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: bin + delimiter + process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      NODE_NO_WARNINGS: '1',
      CARNET_MANIFEST: join(folder, 'sites.yaml'),
      CARNET_PORT: new URL(auth).port,
      ...common,
    },
  })
  endWithUs(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const code = await new Promise(resolve => child.once('close', resolve))
  if (code !== 0) throw new Error(`${first}: ${code}\n${output}`)
  return output
}

async function enter(more: object = {}): Promise<Browser> {
  const browser = new Browser()
  const { email, password } = ADA
  const reply = await postJson(browser, `${auth}/signin`, { email, password, ...more })
  if (reply.status !== 200) throw new Error(reply.body)
  return browser
}

async function isReady(): Promise<boolean> {
  return (await new Browser().request(`${auth}/readyz`)).status === 200
}

async function isIn(browser: Browser): Promise<boolean> {
  const { body } = await browser.request(`${auth}/`, { headers: { accept: 'application/json' } })
  return (JSON.parse(body) as { data: { user: object | null } }).data.user !== null
}

test('a backup is made while all runs, and after its restoring nobody is signed in whom it does not know', async t => {
  const add = ['user', 'add', ADA.email, '--name', ADA.name]
  const [added, printed] = await Promise.all([
    installation.command(add, common, `${ADA.password}\n`),
    installation.command(['site', 'secret', 'shop'], common),
  ])
  t.is(added.code, 0, added.output)
  const [service] = await Promise.all([
    installation.start('auth', common),
    installation.start('shop', { ...common, CARNET_SITE_SECRETS: printed.output.trim() }),
  ])
  await until(isReady)
  const remembered = await enter({ remember: true })
  await shell('sqlite3 data/carnet.sqlite ".backup carnet-backup.sqlite"')
  const later = await enter()
  t.true((await isIn(later)) && (await isIn(remembered)))
  const watched = await Promise.all([
    shell('carnet doctor --no-round           # exit code 1 where something fails'),
    shell('carnet audit --since 1h            # who did what'),
    shell('carnet migrate                     # says what it did'),
  ])
  t.regex(watched[0], /^0 faults/m)
  t.regex(watched[1], /signin[\s\S]*ada@example\.com/)
  t.is(watched[2].trim(), 'The tables are up to date.')

  service.process.kill('SIGTERM')
  await service.exited
  await shell('rm -f data/carnet.sqlite-wal data/carnet.sqlite-shm')
  await shell(
    `redis-cli -u "$CARNET_REDIS_URL" --scan --pattern 'carnet:*' | xargs -r -n 500 redis-cli -u "$CARNET_REDIS_URL" del`,
  )
  await installation.start('auth', common)
  await until(isReady)
  const [ended, changed] = await Promise.all([
    shell('carnet session revoke --all'),
    shell('carnet site add blog https://blog.example --stack express'),
  ])
  t.is(ended.trim(), 'Ended: 1.')
  t.deepEqual([await isIn(later), await isIn(remembered)], [false, false])
  t.regex(changed, /journal is out of/)
})

test('a site that moves from the store to the service asks its people once more, and back nobody', async t => {
  const secrets = parseSecrets('a secret of thirty-two bytes or so')
  const world = await startWorld({ secrets })
  t.teardown(() => world.close())
  const agentOn = async (store: string | typeof world.store) => {
    const own = { site: 'shop', manifest: world.manifest, secrets: siteSecrets(secrets, 'shop') }
    const agent = await createAgent({ ...own, store })
    t.teardown(() => agent.close())
    return agent
  }
  const browser = await signedIn(world)
  await browser.visit(`${world.shop}/members`)
  const [before, moved] = [await agentOn(world.store), await agentOn(world.auth)]
  const status = async (agent: typeof moved) => {
    const cookie = `carnet=${browser.cookie(world.shop, 'carnet')}`
    const headers = { host: new URL(world.shop).host, cookie }
    const request = { method: 'GET', target: '/api/session', headers, peer: '127.0.0.1' }
    return (await agent.handle(request as unknown as AgentRequest)).answer?.status
  }
  t.is(await status(before), 200)
  t.is(await status(moved), 401)
  t.is(await status(before), 200)
})
