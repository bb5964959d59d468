import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addSite, ManifestError, parseManifest, removeSite, renameSite } from '@carnet/protocol'
import test from 'ava'

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
