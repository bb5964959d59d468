import { mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  addSite,
  ManifestError,
  parseManifest,
  parseSecrets,
  removeSite,
  renameSite,
  siteSecrets,
} from '@carnet/protocol'
import test from 'ava'
import { nextSteps, STACKS } from '../../packages/auth-service/src/cli/next-steps.ts'
import { replaceFile } from '../../packages/auth-service/src/replace-file.ts'
import { run } from '../support/processes.ts'

const sample = readFileSync(join(import.meta.dirname, '../../deploy/sites.yaml'), 'utf8')
const blog = { id: 'blog', origin: 'https://blog.example' }
const ids = (text: string) => parseManifest(text, 'sites.yaml').sites.map(({ id }) => id)

test('a site is added below the others, and no other line of the manifest changes', t => {
  const added = addSite(sample, 'sites.yaml', { ...blog, name: 'Blog: all', aliases: ['https://b.example'] })
  t.is(
    added,
    `${sample}
  - id: blog
    name: "Blog: all"
    origin: https://blog.example
    aliases: ["https://b.example"]
`,
  )
  t.deepEqual(ids(added), ['shop', 'news', 'games', 'blog'])
  t.true(
    addSite(added, 'f', { id: 'wiki', origin: 'https://wiki.example' }).endsWith(
      '"]\n\n  - id: wiki\n    origin: https://wiki.example\n',
    ),
  )
})

test('a manifest keeps its own manner: its lists in braces, its indentation, its line ends', t => {
  const head = 'auth: https://auth.example.com\n'
  const CASES: [string, string][] = [
    [
      `${head}sites: [{ id: a, origin: "https://a.example" }] # all\n`,
      `${head}sites: [{ id: a, origin: "https://a.example" }, { id: blog, origin: "https://blog.example" }] # all\n`,
    ],
    [
      `${head}sites:\n- { id: a, origin: "https://a.example" }\n# the end`,
      `${head}sites:\n- { id: a, origin: "https://a.example" }\n- { id: blog, origin: "https://blog.example" }\n# the end`,
    ],
    [
      `sites:\r\n  - id: a\r\n    origin: https://a.example # one\r\n    # more\r\n\r\nauth: https://auth.example.com\r\n`,
      `sites:\r\n  - id: a\r\n    origin: https://a.example # one\r\n    # more\r\n  - id: blog\r\n    origin: https://blog.example\r\n\r\nauth: https://auth.example.com\r\n`,
    ],
    [
      `${head}sites:\n  - id: a\n    origin: https://a.example`,
      `${head}sites:\n  - id: a\n    origin: https://a.example\n  - id: blog\n    origin: https://blog.example\n`,
    ],
  ]
  for (const [before, after] of CASES) {
    t.is(addSite(before, 'sites.yaml', blog), after)
    t.is(removeSite(after, 'sites.yaml', 'blog').trimEnd(), before.trimEnd())
  }
})

test('a site that is removed takes its own lines along, and those of the others stay as they are', t => {
  const [, shop = '', news = '', games = ''] =
    /^( {2}- id: shop[\s\S]+)( {2}- id: news[\s\S]+)( {2}- id: games[\s\S]+)$/m.exec(sample) ?? []
  t.is(removeSite(sample, 'sites.yaml', 'shop'), sample.replace(shop, ''))
  t.is(removeSite(sample, 'sites.yaml', 'news'), sample.replace(news, ''))
  t.is(removeSite(sample, 'sites.yaml', 'games'), sample.replace(`\n${games}`, ''))
  const told = sample.replace('  - id: news', '  # Since spring.\n  - id: news')
  t.is(removeSite(told, 'sites.yaml', 'news'), sample.replace(news, ''))
  t.deepEqual(ids(removeSite(removeSite(sample, 'sites.yaml', 'games'), 'sites.yaml', 'shop')), ['news'])
  t.throws(() => removeSite(removeSite(removeSite(sample, 'f', 'games'), 'f', 'shop'), 'f', 'news'), {
    message: /"news" is the only site/,
  })
  t.throws(() => removeSite(sample, 'f', 'nowhere'), {
    message: /no site "nowhere"\. There are: shop, news, games/,
  })
})

test('a rename changes the id, and nothing else', t => {
  t.is(renameSite(sample, 'f', 'shop', 'store'), sample.replace('id: shop', 'id: store'))
  t.is(renameSite(sample, 'f', 'shop', 'null'), sample.replace('id: shop', 'id: "null"'))
  t.throws(() => renameSite(sample, 'f', 'shop', 'news'), {
    instanceOf: ManifestError,
    message: /"news" is taken/,
  })
  t.throws(() => renameSite(sample, 'f', 'shop', 'auth'), { instanceOf: ManifestError })
})

test('what a check would refuse is refused with its words, and so is what would need a hand', t => {
  const CASES: [Partial<typeof blog>, RegExp][] = [
    [{ id: 'shop' }, /^sites\.yaml:\d+:\d+ sites\.3\.id: the id "shop" is taken/],
    [{ origin: 'https://www.shop.example' }, /the host www\.shop\.example is taken by "shop"/],
    [{ origin: 'https://auth.example.com' }, /is taken by "auth"/],
    [{ origin: 'http://blog.localhost' }, /must begin with https:\/\/, as auth does/],
    [{ origin: 'http://blog.example' }, /must begin with https:\/\//],
    [{ origin: 'https://blog.example/' }, /must be an origin and nothing more/],
    [{ origin: 'blog' }, /must be an origin such as/],
    [{ origin: 'x\n  - id: y' }, /must be an origin such as/],
    [{ id: 'Blog' }, /must be 1 to 32 of a-z/],
    [{ id: 'x, origin: y' }, /must be 1 to 32 of a-z/],
  ]
  for (const [site, message] of CASES) {
    t.throws(() => addSite(sample, 'sites.yaml', { ...blog, ...site }), {
      instanceOf: ManifestError,
      message,
    })
  }
  t.throws(() => addSite('sites: 3', 'f', blog), { instanceOf: ManifestError })
  const aliased = `auth: https://auth.example.com\nx-a: 1\n`
  t.throws(() => addSite(aliased, 'f', blog), { instanceOf: ManifestError })
  const anchored =
    'auth: https://auth.example.com\nsites:\n  - &a { id: a, origin: "https://a.example" }\n  - { <<: *a, id: b }\n'
  t.throws(() => removeSite(anchored, 'f', 'a'), { instanceOf: Error })
})

const carnetCommand = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')
const CARNET_SECRETS = 's'.repeat(32)

test('the command changes the file it is told to, keeps its mode, and gives a secret to who asks for it by name', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-site-'))
  const file = join(folder, 'sites.yaml')
  const secretFile = join(folder, 'blog.env')
  writeFileSync(file, sample, { mode: 0o640 })
  const [secret = ''] = siteSecrets(parseSecrets(CARNET_SECRETS), 'blog')
  const site = async (args: string[], env: Record<string, string> = {}) => {
    const program = run([carnetCommand, 'site', ...args], {
      CARNET_MANIFEST: join(folder, 'nowhere.yaml'),
      CARNET_DATA_DIR: join(folder, 'data'),
      CARNET_SECRETS,
      ...env,
    })
    return { code: await program.exited, output: program.output() }
  }
  const [added, refused, plain, unknown] = await Promise.all([
    site(['add', 'blog', 'https://blog.example', '-f', file, '--secret-file', secretFile]),
    site(['add', 'auth', 'https://a.example', '--manifest', file, '--secret-file', join(folder, 'never')]),
    site(['add', 'b', 'http://b.localhost', '-f', file], { NODE_ENV: 'production' }),
    site(['remove', 'blog']),
  ])
  t.is(added.code, 0, added.output)
  t.is(readFileSync(file, 'utf8'), addSite(sample, file, blog))
  t.is(statSync(file).mode & 0o777, 0o640)
  t.false(added.output.includes(secret))
  t.regex(added.output, /carnet site secret blog/)
  t.is(readFileSync(secretFile, 'utf8'), `CARNET_SITE_SECRETS=${secret}\n`)
  t.is(statSync(secretFile).mode & 0o777, 0o600)
  t.is(refused.code, 1)
  t.regex(refused.output, /sites\.yaml:\d+:\d+ sites\.\d\.id: "auth" is the auth service itself/)
  t.regex(plain.output, /https/)
  t.is(plain.code, 1)
  t.is(unknown.code, 1)
  t.regex(unknown.output, /there is no such file/)

  const [again, renamed] = await Promise.all([
    site(['add', 'wiki', 'https://wiki.example', '-f', file, '--secret-file', secretFile]),
    site(['rename', 'shop', 'store', '-f', file]),
  ])
  t.is(again.code, 1)
  t.regex(again.output, /blog\.env cannot be written: it is there already/)
  t.is(renamed.code, 0, renamed.output)
  t.regex(renamed.output, /carnet site secret store/)
  t.is((await site(['remove', 'store', '-f', file])).code, 0)
  t.is(readFileSync(file, 'utf8'), removeSite(addSite(sample, file, blog), file, 'shop'))
  t.deepEqual(readdirSync(folder).sort(), ['blog.env', 'data', 'sites.yaml'])
})

test('a file is replaced behind a link, and one that cannot be written stays', t => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-replace-'))
  writeFileSync(join(folder, 'real'), 'old')
  symlinkSync('real', join(folder, 'link'))
  replaceFile(join(folder, 'link'), 'new')
  t.is(readFileSync(join(folder, 'real'), 'utf8'), 'new')
  t.throws(() => replaceFile(join(folder, 'nothing'), 'new'), {
    message: /nothing cannot be written: ENOENT/,
  })
  t.deepEqual(readdirSync(folder).sort(), ['link', 'real'])
})

test('each stack has its own next steps, with the id in them', t => {
  const steps = STACKS.map(stack => nextSteps(stack, 'my-blog', "it's.yaml"))
  t.is(new Set(steps).size, STACKS.length)
  for (const [nth, stack] of STACKS.entries()) {
    const text = steps[nth] ?? ''
    t.regex(text, /carnet site secret my-blog/, stack)
    t.regex(
      text,
      stack === 'nginx' || stack === 'caddy' ? /CARNET_SITE_SECRETS_MY_BLOG=/ : /site: 'my-blog'/,
      stack,
    )
  }
  t.regex(steps[0] ?? '', /from '@carnet\/site-agent\/koa'[\s\S]*app\.use\(carnet\.required\(\)\)/)
  t.regex(steps[0] ?? '', /manifest: 'it\\'s\.yaml'/)
})
