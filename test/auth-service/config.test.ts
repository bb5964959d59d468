import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig } from '@carnet/auth-service'
import test from 'ava'

const folder = mkdtempSync(join(tmpdir(), 'carnet-config-'))
const local = join(folder, 'local.yaml')
const remote = join(folder, 'remote.yaml')
writeFileSync(
  local,
  'auth: http://auth.localhost:4000\nsites: [{ id: shop, origin: "http://shop.localhost:4001" }]\n',
)
writeFileSync(remote, 'auth: https://auth.example\nsites: [{ id: shop, origin: https://shop.example }]\n')

function faultsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig({ CARNET_DATA_DIR: join(folder, 'data'), ...env })
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

test('on localhost everything has a default, and the secret is made once and kept to its owner', t => {
  const env = { CARNET_MANIFEST: local, CARNET_DATA_DIR: join(folder, 'fresh'), CARNET_REDIS_URL: '' }
  const config = loadConfig(env)
  t.false(config.production)
  t.like(config, { storeUrl: 'memory:', trustProxy: 'none', host: '127.0.0.1', port: 4000, logLevel: 'info' })
  t.is(config.databaseUrl, `sqlite:${join(folder, 'fresh/carnet.sqlite')}`)
  const file = join(folder, 'fresh/secrets')
  t.is(statSync(file).mode & 0o777, 0o600)
  t.is(readFileSync(file, 'utf8').trim(), config.secrets[0])
  t.deepEqual(loadConfig(env).secrets, config.secrets)
})

test('all faults are told at once', t => {
  const faults = faultsOf({
    CARNET_MANIFEST: '/nowhere.yaml',
    CARNET_REDIS_URL: 'mysql://x',
    CARNET_DATABASE_URL: 'oracle:x',
    CARNET_SECRETS: 'short',
    CARNET_TRUST_PROXY: 'everybody',
    CARNET_PORT: '99999',
    CARNET_LOG_LEVEL: 'loud',
  })
  for (const name of [
    'CARNET_REDIS_URL',
    'CARNET_DATABASE_URL',
    'CARNET_SECRETS',
    'CARNET_TRUST_PROXY',
    'CARNET_PORT',
    'CARNET_LOG_LEVEL',
    '/nowhere.yaml',
  ]) {
    t.is(faults.filter(fault => fault.startsWith(name)).length, 1, name)
  }
})

test('production, by NODE_ENV or by an origin that is not localhost, refuses silent defaults', t => {
  const secrets = 'x'.repeat(32)
  t.is(faultsOf({ CARNET_MANIFEST: remote }).length, 3, 'no secrets, no store, and why it is production')
  t.deepEqual(
    faultsOf({ CARNET_MANIFEST: remote, CARNET_SECRETS: secrets, CARNET_REDIS_URL: 'redis://h' }),
    [],
  )
  t.deepEqual(faultsOf({ CARNET_MANIFEST: remote, CARNET_SECRETS: secrets, CARNET_REDIS_URL: 'memory:' }), [])
  const local443 = faultsOf({
    NODE_ENV: 'production',
    CARNET_MANIFEST: local,
    CARNET_SECRETS: secrets,
    CARNET_REDIS_URL: 'redis://h',
  })
  t.is(local443.filter(fault => fault.includes('needs https')).length, 2, 'two http origins')
})

test('a backend for passwords is asked over https, but for localhost', t => {
  const file = join(folder, 'credentials.yaml')
  const faults = (url: string) => {
    writeFileSync(file, `${readFileSync(local, 'utf8')}accounts: { credentials: ${url} }\n`)
    return faultsOf({ CARNET_MANIFEST: file }).join()
  }
  t.is(faults('https://legacy.example/verify'), '')
  t.is(faults('http://localhost:3000/verify'), '')
  for (const url of ['http://legacy.example/verify', 'https://a:b@legacy.example/', 'ftp://x', 'legacy'])
    t.regex(faults(url), /:3:26 .*must begin with https/, url)
})

test('mails need a server and a sender, or are kept where nobody is harmed', t => {
  const ok = {
    CARNET_SMTP_URL: 'smtp://u:p@mail.example:587',
    CARNET_MAIL_FROM: 'Carnet <login@example.com>',
  }
  t.deepEqual(faultsOf({ CARNET_MANIFEST: local, ...ok }), [])
  t.regex(
    faultsOf({ CARNET_MANIFEST: local, CARNET_SMTP_URL: ok.CARNET_SMTP_URL }).join(),
    /CARNET_MAIL_FROM/,
  )
  t.regex(
    faultsOf({ CARNET_MANIFEST: local, ...ok, CARNET_SMTP_URL: 'mail.example' }).join(),
    /CARNET_SMTP_URL/,
  )
  t.regex(
    faultsOf({ CARNET_MANIFEST: local, ...ok, CARNET_MAIL_FROM: 'a@b\r\nBcc: c@d' }).join(),
    /CARNET_MAIL_FROM/,
  )
})
