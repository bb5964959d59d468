import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AgentsConfigError, loadAgentsConfig, serveAgents } from '@carnet/site-agent/main'
import test from 'ava'
import { pino } from 'pino'
import { askAt } from '../support/raw.ts'

const folder = mkdtempSync(join(tmpdir(), 'carnet-agents-'))
const file = join(folder, 'sites.yaml')
writeFileSync(
  file,
  `auth: https://auth.example
sites:
  - { id: shop, origin: "https://shop.example", aliases: ["https://www.shop.example"] }
  - { id: old-news, origin: "https://news.example" }
`,
)
test.after.always(() => rmSync(folder, { recursive: true }))

const secret = 's'.repeat(40)
const works = {
  CARNET_MANIFEST: file,
  CARNET_SITE_SECRETS_SHOP: secret,
  CARNET_SITE_SECRETS_OLD_NEWS: `${'n'.repeat(40)},${secret}`,
  CARNET_STORE_URL: 'redis://localhost',
}

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadAgentsConfig(env)
    return []
  } catch (error) {
    if (!(error instanceof AgentsConfigError)) throw error
    return error.faults
  }
}

test('all faults are told at once, each with what to do, and without what was given', t => {
  const faults = faultsOf({
    CARNET_MANIFEST: file,
    CARNET_SITE: 'shop,shpo',
    CARNET_SITE_SECRETS_OLD_NEWS: 'too-short',
    CARNET_STORE_URL: 'mysql://root:hunter2@host',
    CARNET_TRUST_PROXY: 'proxy',
    CARNET_PORT: '99999',
    CARNET_LOG_LEVEL: 'loud',
  })
  const expected = [
    /^CARNET_STORE_URL must be .*https:\/\/auth\.example\.com/,
    /^CARNET_TRUST_PROXY must be/,
    /^CARNET_PORT must be/,
    /^CARNET_LOG_LEVEL must be one of/,
    /^CARNET_SITE_SECRETS_OLD_NEWS: .*32/,
    /^CARNET_SITE_SECRETS_SHOP is missing\. .*carnet site secret shop$/,
    /^CARNET_SITE: .*"shpo".*shop, old-news/,
  ]
  t.is(faults.length, expected.length, faults.join('\n'))
  for (const [index, pattern] of expected.entries()) t.regex(faults[index] ?? '', pattern)
  t.notRegex(faults.join(), /hunter2|too-short/)
})

test('one process may serve one site, some, or all whose secrets are given', t => {
  t.deepEqual(faultsOf(works), [])
  const all = loadAgentsConfig({ ...works, CARNET_SITE: '' })
  t.is(all.sites, null)
  t.deepEqual(all.secretsOf('old-news'), ['n'.repeat(40), secret])
  t.is(all.secretsOf('other'), null)
  t.is(loadAgentsConfig({ ...works, CARNET_SITE_SECRETS_LATER: secret }).secretsOf('later')?.length, 1)
  const { CARNET_MANIFEST, CARNET_STORE_URL } = works
  const one = { CARNET_MANIFEST, CARNET_STORE_URL, CARNET_SITE_SECRETS: secret }
  t.deepEqual(loadAgentsConfig({ ...one, CARNET_SITE: 'shop' }).secretsOf('shop'), [secret])
  t.regex(faultsOf(one).join(), /is of one site/)
  t.regex(faultsOf({ ...one, CARNET_SITE: 'shop,old-news' }).join(), /is of one site/)
  t.regex(
    faultsOf({ CARNET_MANIFEST, CARNET_STORE_URL }).join(),
    /CARNET_SITE_SECRETS_SHOP, CARNET_SITE_SECRETS_OLD_NEWS/,
  )
})

test('the store is named once, and over the network by https', t => {
  const { CARNET_STORE_URL, ...rest } = works
  t.is(loadAgentsConfig({ ...rest, CARNET_REDIS_URL: 'rediss://host' }).storeUrl, 'rediss://host')
  t.regex(faultsOf(rest).join(), /^CARNET_STORE_URL is missing/)
  t.regex(faultsOf({ ...works, CARNET_REDIS_URL: 'redis://other' }).join(), /two stores/)
  t.deepEqual(faultsOf({ ...rest, CARNET_STORE_URL: 'https://auth.example' }), [])
  t.deepEqual(faultsOf({ ...rest, CARNET_STORE_URL: 'http://auth.localhost:4000' }), [])
  t.is(faultsOf({ ...rest, CARNET_STORE_URL: 'http://auth.example' }).length, 1)
  t.is(faultsOf({ ...works, CARNET_MANIFEST: join(folder, 'none.yaml') }).length, 1)
  t.is(CARNET_STORE_URL, 'redis://localhost')
})

test('a proxy that nobody named may not ask, and is told of in answer and log; an alias is a place of its own', async t => {
  const lines: { peer?: string; msg?: string }[] = []
  const log = pino({ level: 'warn' }, { write: line => void lines.push(JSON.parse(line)) })
  const start = async (trust: string) => {
    const config = loadAgentsConfig({
      ...works,
      CARNET_STORE_URL: 'memory:',
      CARNET_PORT: '0',
      CARNET_TRUST_PROXY: trust,
    })
    const running = await serveAgents(config, log)
    t.teardown(running.close)
    return (host: string, path: string) =>
      askAt({ address: '127.0.0.1', port: running.port }, host, path, {
        headers: {
          'x-forwarded-method': 'GET',
          'x-forwarded-uri': '/page',
          'x-forwarded-for': '203.0.113.5',
        },
      })
  }
  const untrusting = await start('none')
  for (const path of ['/api/verify', '/api/verify/optional', '/api/enter', '/api/verify']) {
    const refused = await untrusting('shop.example', path)
    t.is(refused.status, 500)
    t.regex(refused.text, /127\.0\.0\.1.*CARNET_TRUST_PROXY/)
  }
  t.is(lines.filter(({ peer }) => peer === '127.0.0.1').length, 1, 'told once an hour')
  t.true(lines.some(({ msg }) => msg?.startsWith('CARNET_TRUST_PROXY names no proxy')))
  t.is((await untrusting('shop.example', '/api/session')).status, 401, 'the rest is served')
  t.is((await untrusting('evil.example', '/api/session')).status, 404)

  const trusting = await start('127.0.0.1')
  for (const [host, origin] of [
    ['shop.example', null],
    ['www.shop.example', 'https://www.shop.example'],
    ['WWW.shop.example:8443', 'https://www.shop.example'],
  ] as const) {
    const { headers } = await trusting(host, '/api/verify')
    t.is(new URL(headers.get('location') ?? '').searchParams.get('origin'), origin)
  }
})
