import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  loadManifest,
  ManifestError,
  manifestJsonSchema,
  parseManifest,
  watchManifest,
} from '@carnet/protocol'
import test from 'ava'
import { until } from '../support/until.ts'

const deploy = join(import.meta.dirname, '../../deploy')
const minimal = 'auth: https://auth.example\nsites:\n  - id: shop\n    origin: https://shop.example\n'

function faultsOf(yaml: string): string[] {
  try {
    parseManifest(yaml, 'sites.yaml')
  } catch (error) {
    if (error instanceof ManifestError) return error.message.split('\n')
    throw error
  }
  return []
}

test('what is left out has the documented default', t => {
  const manifest = parseManifest(minimal, 'sites.yaml')
  t.deepEqual(manifest, {
    auth: 'https://auth.example',
    brand: { name: 'Carnet', accent: '#0a66c2', logo: null },
    session: { idle: 1_200_000, absolute: 43_200_000, remember: 2_592_000_000 },
    accounts: { signUp: 'open', password: { minLength: 15, cost: 12 }, credentials: null },
    ticket: { ttl: 3_000, binding: 'prefix' },
    sites: [
      {
        id: 'shop',
        name: 'shop.example',
        origin: 'https://shop.example',
        aliases: [],
        brand: {},
        fanOut: 'pull',
        silent: false,
        ask: false,
        signInForm: false,
        ticket: { ttl: 3_000 },
      },
    ],
  })
})

test('a site may have a ticket life of its own, else it has the general one', t => {
  const yaml = `${minimal}    ticket: { ttl: 5s }\n  - { id: news, origin: https://news.example }\nticket: { ttl: 2s }\n`
  t.deepEqual(
    parseManifest(yaml, 'm').sites.map(site => site.ticket.ttl),
    [5_000, 2_000],
  )
})

test('every fault is told at once, with its place and what to do', t => {
  const yaml = `auth: http://auth.example
brand: { acent: "#123" }
ticket: { ttl: 3 seconds, binding: strict }
sites:
  - id: Shop
    origin: https://shop.example/
    fanout: push
  - id: news
    origin: https://shop.example
    aliases: [https://auth.example:444, https://news.example]
  - id: games
`
  t.deepEqual(
    faultsOf(yaml).map(line => line.split(' ')[0]),
    [
      'sites.yaml:1:7',
      'sites.yaml:2:10',
      'sites.yaml:3:16',
      'sites.yaml:3:36',
      'sites.yaml:5:9',
      'sites.yaml:6:13',
      'sites.yaml:7:5',
      'sites.yaml:9:13',
      'sites.yaml:10:15',
      'sites.yaml:11:5',
    ],
  )
  const text = faultsOf(yaml).join('\n')
  t.regex(text, /did you mean "accent"\?/)
  t.regex(text, /did you mean "fanOut"\?/)
  t.regex(text, /http:\/\/ is for localhost/)
  t.regex(text, /sites\.2\.origin: is missing/)
})

test('two origins with one host are refused, since cookies ignore ports', t => {
  const yaml = `${minimal}    aliases: [https://shop.example:444]\n  - { id: news, origin: https://auth.example:8443 }\n  - { id: shop, origin: https://other.example }\n`
  const faults = faultsOf(yaml)
  t.is(faults.length, 3)
  t.regex(faults[0] ?? '', /^sites\.yaml:5:15 .*shop\.example is taken by "shop"/)
  t.regex(faults[1] ?? '', /^sites\.yaml:6:25 .*auth\.example is taken by "auth"/)
  t.regex(faults[2] ?? '', /^sites\.yaml:7:11 .*id "shop" is taken/)
})

test('what is no YAML, or none that can be meant, is a fault and never a crash', t => {
  for (const yaml of [
    '',
    '[]',
    'x',
    'auth: [',
    'auth: *a',
    'a: 1\na: 2',
    '\t',
    '{"auth": 1}',
    'sites: {}',
    'auth: javascript:x',
  ]) {
    t.true(faultsOf(yaml).length > 0, yaml)
    for (const fault of faultsOf(yaml)) t.regex(fault, /^sites\.yaml:\d+:\d+ \S/)
  }
  t.throws(() => loadManifest('/nowhere/sites.yaml'), { instanceOf: ManifestError, message: /no such file/ })
})

test('origins are origins: no path, no credentials, https outside localhost', t => {
  for (const origin of [
    'https://shop.example/',
    'https://a:b@shop.example',
    'https://SHOP.example',
    'https://shop.example:443',
    'http://shop.example',
    'ftp://shop.example',
    'shop.example',
    'http://127.0.0.1',
  ]) {
    t.is(faultsOf(minimal.replace('https://shop.example', origin)).length, 1, origin)
  }
  for (const origin of ['https://shop.example:8443', 'https://xn--bcher-kva.example']) {
    t.deepEqual(faultsOf(minimal.replace('https://shop.example', origin)), [], origin)
  }
  const local = minimal.replace('https://auth.example', 'http://auth.localhost:4000')
  for (const origin of ['http://shop.localhost:4001', 'http://localhost', 'https://shop.example']) {
    t.deepEqual(faultsOf(local.replace('https://shop.example', origin)), [], origin)
  }
  t.regex(faultsOf(minimal.replace('https://shop.example', 'http://shop.localhost')).join(), /as auth does/)
})

test('what contradicts itself is refused', t => {
  t.regex(faultsOf(`${minimal}session: { idle: 13h }\n`).join(), /session\.idle: must not be longer/)
  t.regex(faultsOf(`${minimal}  - { id: shop }\n`).join(), /id "shop" is taken/)
  t.regex(faultsOf(`${minimal}session: { idle: 20 }\n`).join(), /must be a string such as 20m/)
  t.regex(faultsOf(`${minimal}    fanOut: pul\n`).join(), /must be one of pull, push, none/)
  t.regex(faultsOf(minimal.replace('shop.example', '*.example')).join(), /no wildcards/)
})

test('a site that asks has no fan-out, and none may be written beside it', t => {
  t.like(parseManifest(`${minimal}    ask: true\n`, 'm').sites[0], { ask: true, fanOut: 'none' })
  t.is(parseManifest(`${minimal}    ask: true\n    fanOut: none\n`, 'm').sites[0]?.fanOut, 'none')
  for (const fanOut of ['pull', 'push']) {
    const [fault, ...more] = faultsOf(`${minimal}    ask: true\n    fanOut: ${fanOut}\n`)
    t.regex(fault ?? '', /^sites.yaml:6:13 .*must be none where ask is true/, fanOut)
    t.deepEqual(more, [])
  }
  t.regex(faultsOf(`${minimal}    ask: maybe\n`).join(), /must be a boolean/)
})

test('the sample manifests are in order', t => {
  t.is(loadManifest(join(deploy, 'sites.yaml')).sites.length, 3)
  t.is(loadManifest(join(deploy, 'demo/sites.yaml')).sites.length, 3)
})

test('deploy/sites.schema.json is the schema of the code', t => {
  const kept: unknown = JSON.parse(readFileSync(join(deploy, 'sites.schema.json'), 'utf8'))
  t.deepEqual(kept, JSON.parse(JSON.stringify(manifestJsonSchema())), 'run: pnpm schema')
})

test('a change of the file takes effect, a faulty one is told and left alone, and a swapped file is followed', async t => {
  const file = join(mkdtempSync(join(tmpdir(), 'carnet-manifest-')), 'sites.yaml')
  writeFileSync(file, minimal)
  const refused: string[] = []
  const live = watchManifest(file, { refused: error => refused.push(error.message) })
  t.is(live.current.sites.length, 1)
  writeFileSync(file, `${minimal}  - { id: news, origin: https://news.example }\n`)
  await until(() => live.current.sites.length === 2)
  writeFileSync(file, 'auth: nonsense\n')
  await until(() => refused.length > 0)
  t.is(live.current.sites.length, 2)
  writeFileSync(`${file}.new`, minimal.replace('shop.example', 'store.example'))
  renameSync(`${file}.new`, file)
  await until(() => live.current.sites[0]?.origin === 'https://store.example')
  refused.length = 0
  rmSync(file)
  symlinkSync(file, file)
  await until(() => refused.some(message => message.includes('ELOOP')))
  t.is(live.current.sites[0]?.origin, 'https://store.example')
  live.close()
})
