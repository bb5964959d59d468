import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStore, parseSecrets, Signer, signSid, startSession } from '@carnet/protocol'
import { type AgentRequest, createAgent, type Visit } from '@carnet/site-agent'
import test from 'ava'
import { ada } from '../support/people.ts'
import { until } from '../support/until.ts'

const secrets = 'a secret of thirty-two bytes or so'
const SHOP = '  - { id: shop, origin: "https://shop.example", silent: true }'
const NEWS = '  - { id: news, origin: "https://news.example.org" }'
const manifestOf = (...sites: string[]) => `auth: https://auth.example.com\nsites:\n${sites.join('\n')}\n`

test('the sessions of a site that leaves the manifest end there, and hold again when it comes back', async t => {
  const file = join(mkdtempSync(join(tmpdir(), 'carnet-removed-')), 'sites.yaml')
  writeFileSync(file, manifestOf(SHOP, NEWS))
  const store = new MemoryStore()
  const events: string[] = []
  const hear = (_fields: object, event: string) => events.push(event)
  const log = { info: hear, warn: hear }
  const agent = await createAgent({ site: 'shop', manifest: file, secrets, store, log })
  t.teardown(() => agent.close())
  const { sid } = await startSession(store, ada, { idle: 60_000, absolute: 600_000 })
  const cookie = `__Host-carnet=${signSid(new Signer(parseSecrets(secrets), 'shop'), sid)}; __Host-carnet-silent=ready`

  const ask = (target: string, headers: Record<string, string> = {}, method = 'GET') => {
    const host = 'shop.example'
    const request = { method, target, headers: { host, cookie, ...headers }, peer: '192.0.2.1' }
    return agent.handle(request as AgentRequest)
  }
  const visitOf = async (headers?: Record<string, string>): Promise<Visit> => {
    const outcome = await ask('/cart?step=2', headers)
    if (outcome.answer !== null) throw new Error(`answered with ${outcome.answer.status}`)
    return outcome.visit
  }
  const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  t.deepEqual((await visitOf(NAVIGATION)).session?.user, ada)

  writeFileSync(file, manifestOf(NEWS))
  await until(async () => (await visitOf()).session === null)
  const page = await visitOf(NAVIGATION)
  t.is(page.session, null)
  t.deepEqual(page.cookies, [])
  const shown = page.require()
  t.is(shown?.status, 400)
  t.is(shown?.headers['Carnet-Error'], 'unknown_site')
  t.is(shown?.headers['Location'], undefined)
  t.deepEqual(shown?.cookies, [])
  t.regex(String(shown?.body), /href="\/cart\?step=2"/)
  t.regex(
    String((await visitOf({ ...NAVIGATION, 'accept-language': 'zh-TW' })).require()?.body),
    /lang="zh-Hant"/,
  )
  t.throws(() => page.require({ maxAge: 'soon' }), { instanceOf: TypeError })
  for (const headers of [
    { accept: 'application/json' },
    { 'sec-fetch-mode': 'cors' },
    { ...NAVIGATION, 'sec-purpose': 'prefetch' },
  ]) {
    const refused = (await visitOf(headers)).require()
    t.is(refused?.status, 401)
    t.like(JSON.parse(String(refused?.body)), { code: 401, error: 'signed_out' })
  }
  const json = { accept: 'application/json', 'sec-fetch-site': 'same-origin' }
  for (const [method, target] of [
    ['GET', '/api/session'],
    ['GET', '/api/signin?return_to=/cart'],
    ['GET', '/api/auth?ticket=shop.x.y&state=z'],
    ['GET', '/api/auth.gif'],
    ['GET', '/api/handover'],
    ['POST', '/api/signin'],
    ['POST', '/api/signout'],
  ] as const) {
    const { answer } = await ask(target, json, method)
    t.is(answer?.status, 400, target)
    t.is(answer?.headers['Carnet-Error'], 'unknown_site', target)
    t.deepEqual(answer?.cookies, [], target)
  }
  t.is((await ask('/api/session', {}, 'POST')).answer?.status, 405)
  t.is((await ask('/api/healthz')).answer?.status, 200, 'alive all the same')
  t.deepEqual((await store.read(sid))?.user, ada, 'elsewhere it lives on')

  writeFileSync(file, manifestOf(SHOP, NEWS))
  await until(async () => (await visitOf(NAVIGATION)).session !== null)
  t.is((await ask('/api/session')).answer?.status, 200)
  t.is((await ask('/api/signin?return_to=/cart&max_age=60')).answer?.status, 303)
  t.deepEqual(
    events.filter(event => event.startsWith('site_')),
    ['site_unlisted', 'site_listed'],
  )
})
