// Availability: a store that is frozen, that takes no writes, or that throws sessions away.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser, type Reply } from '@carnet/demo/browser'
import test from 'ava'
import { freePort } from '../support/free-port.ts'
import { run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, whoAt } from '../support/world.ts'
import { enter, enteredBrowser, ready, signOutAt, startStages } from './world.ts'

const stages = await startStages()
test.after.always(() => stages.close())

const carnet = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')

/** An answer and how long it took, or null for one that did not come within three seconds. */
async function timed(request: Promise<Reply>): Promise<{ reply: Reply; ms: number } | null> {
  const begun = performance.now()
  const over = new Promise<null>(resolve => setTimeout(resolve, 3_000, null).unref())
  const reply = await Promise.race([request, over])
  return reply && { reply, ms: performance.now() - begun }
}

stages.onRedis(
  'V1 frozen store: every request has its answer within a second, and no 5xx touches a cookie',
  async (t, stage) => {
    const { auth, shop, news, redis } = stage
    const browser = await enteredBrowser(stage, undefined, [shop])
    const { ticket } = await enter(stage, browser, undefined, { site: 'news' })
    await browser.visit(`${shop}/members`)
    const newcomer = new Browser()
    const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' }
    const read = () => timed(browser.request(`${shop}/api/session`))
    const answers: Awaited<ReturnType<typeof timed>>[] = []
    redis.freeze()
    try {
      answers.push(
        ...(await Promise.all(
          [
            browser.request(`${auth}/`),
            browser.request(`${auth}/account`),
            browser.request(`${auth}/authorize?site=shop&state=s`),
            postJson(newcomer, `${auth}/signin`, credentials),
            postJson(browser, `${auth}/signout`, {}),
            browser.request(`${auth}/readyz`),
            browser.request(`${news}/api/auth.gif?ticket=${ticket}`),
            signOutAt(browser, shop),
          ].map(timed),
        )),
      )
      // A mere reader is answered from memory for 2 s at most, then not at all.
      await until(async () => (await read())?.reply.status === 503, 4_000)
      answers.push(await read())
    } finally {
      redis.thaw()
    }
    for (const answer of answers) {
      if (answer === null) return t.fail('an answer took longer than three seconds')
      const { reply, ms } = answer
      t.true(ms < 1_000, `${reply.url}: ${ms} ms`)
      t.is(reply.status, 503, reply.url)
      t.truthy(reply.headers['retry-after'], reply.url)
      t.deepEqual(reply.cookies, [], reply.url)
    }
    await ready(stage)
  },
)

stages.onRedis(
  'V2 full disk: where nothing can be written, nobody is told that he is signed out, and readiness is red',
  async (t, stage) => {
    const { auth, shop, redis } = stage
    const browser = await enteredBrowser(stage, undefined, [shop])
    // As with a disk that is full: what is there is read, and every write refused, DEL too.
    await redis.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
    await t.throwsAsync(redis.ask('DEL', 'x'), { message: /NOREPLICAS/ })
    await until(async () => (await new Browser().request(`${auth}/readyz`)).status === 503)
    for (const reply of [await signOutAt(browser, shop), await postJson(browser, `${auth}/signout`, {})]) {
      t.is(reply.status, 503)
      t.deepEqual(reply.cookies, [])
    }
    await redis.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await ready(stage)
    // SQL had noted it already, so it has ended by now; and the sites are told so.
    await until(async () => (await whoAt(browser, shop)) === 'signed_out')
  },
)

test('V3 eviction: in production a store that throws sessions away is refused at the start', async t => {
  const redis = await startRedis()
  const folder = mkdtempSync(join(tmpdir(), 'carnet-evicting-'))
  t.teardown(async () => {
    await redis.stop()
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'sites.yaml')
  writeFileSync(
    file,
    'auth: https://login.example\nsites:\n  - { id: shop, origin: "https://shop.example" }\n',
  )
  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const env = {
    CARNET_MANIFEST: file,
    CARNET_REDIS_URL: redis.url,
    CARNET_DATA_DIR: folder,
    CARNET_SECRETS: 'a secret that is long enough for this test alone',
    CARNET_PORT: String(await freePort()),
    NODE_ENV: 'production',
  }
  const service = run([carnet, 'serve'], env)
  t.teardown(async () => void service.process.kill('SIGKILL'))
  let code: number | null | undefined
  service.exited.then(ended => {
    code = ended
  })
  await until(() => code !== undefined || service.output().includes('listening'), 20_000)
  t.is(code, 1)
  t.regex(service.output(), /noeviction/)
})
