import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { GOOD_PASSWORD } from '../support/accounts.ts'
import { freePort } from '../support/free-port.ts'
import { fromGuide } from '../support/guide.ts'
import { type Program, run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, whoAt } from '../support/world.ts'

const repository = join(import.meta.dirname, '../..')
// Below the tests' own modules, where the packages are found.
const modules = join(import.meta.dirname, '../node_modules')
mkdirSync(modules, { recursive: true })
const folder = mkdtempSync(join(modules, '.guide-'))
const [app, shop] = [await freePort(), await freePort()]
const redis = await startRedis()
const running: Program[] = []
test.after.always(async () => {
  for (const program of running) program.process.kill('SIGKILL')
  await redis.stop()
  rmSync(folder, { recursive: true, force: true })
})

const KEY = 'a key of 32 bytes or more for the guide'
const origin = `http://app.localhost:${app}`
const data = { email: 'lin@example.com', name: 'Lin', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }

function start(args: string[], env: Record<string, string>): Program {
  const program = run(args, env)
  running.push(program)
  return program
}

async function answers(url: string): Promise<void> {
  await until(async () => (await new Browser().request(url)).status > 0, 20_000)
}

test.serial(
  'the guide’s app signs people in by itself, and then for several domains, with the same code',
  async t => {
    const file = join(folder, 'app.mjs')
    writeFileSync(file, fromGuide('login-module.md', '// app.mjs', { 3000: `${app}` }))
    writeFileSync(
      join(folder, 'sites.yaml'),
      fromGuide('login-module.md', '# sites.yaml', { 3000: `${app}`, 3001: `${shop}` }),
    )
    const cwd = process.cwd()
    process.chdir(folder)
    t.teardown(() => process.chdir(cwd))

    const alone = start([file], { KEY })
    await answers(`${origin}/login/signin`)
    const browser = new Browser()
    t.is((await browser.request(`${origin}/reports`)).headers.location, '/login/signin?return_to=%2Freports')
    const opened = await postJson(browser, `${origin}/login/signup`, data)
    t.is(opened.status, 200, opened.body)
    t.true(opened.body.includes(`"returnTo":"${origin}/home"`))
    t.is((await browser.request(`${origin}/home`)).body, 'Hello Lin')
    alone.process.kill('SIGKILL')
    await alone.exited

    const env = { CARNET_MANIFEST: 'sites.yaml', CARNET_REDIS_URL: redis.url }
    start([file], { KEY, ...env })
    await answers(`${origin}/login/signin`)
    const carnet = join(repository, 'packages/auth-service/src/cli/main.ts')
    const secret = run([carnet, 'site', 'secret', 'shop'], { ...env, CARNET_SECRETS: KEY })
    t.is(await secret.exited, 0, secret.output())
    start([join(repository, 'deploy/demo/site-server.ts')], {
      ...env,
      CARNET_SITE: 'shop',
      CARNET_SITE_SECRETS: secret.output().trim(),
      CARNET_PORT: String(shop),
    })
    await answers(`http://shop.localhost:${shop}/`)

    const later = new Browser()
    const asked = await later.visit(`http://shop.localhost:${shop}/members`)
    t.true(asked.url.startsWith(`${origin}/login/signin?`), asked.url)
    const signIn = await postJson(later, `${origin}/login/signin`, {
      email: data.email,
      password: data.password,
    })
    t.is(signIn.status, 200, signIn.body)
    t.regex((await later.visit(`http://shop.localhost:${shop}/members`)).body, /Signed in as Lin/)
    t.is((await later.request(`${origin}/home`)).body, 'Hello Lin', 'and the app is one of them')
    await later.submit(`http://shop.localhost:${shop}/`, '/api/signout', {})
    t.is((await later.request(`${origin}/home`)).status, 303)
    t.is(await whoAt(later, `http://shop.localhost:${shop}`), 'signed_out')
  },
)
