import { Browser } from '@carnet/demo/browser'
import { languageFor } from '@carnet/protocol'
import test from 'ava'
import { HELP } from '../../packages/auth-service/src/texts/help.ts'
import { LANGUAGES } from '../../packages/auth-service/src/texts/languages.ts'
import { LANGUAGES as AGENT_LANGUAGES } from '../../packages/site-agent/src/texts/languages.ts'
import { startWorld } from '../support/world.ts'

function leaves(tree: object, path = ''): Map<string, unknown> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'object' && value !== null
        ? [...leaves(value, `${path}${key}.`)]
        : [[path + key, value] as const],
    ),
  )
}

for (const [part, languages] of Object.entries({
  service: LANGUAGES,
  help: HELP,
  agent: AGENT_LANGUAGES,
})) {
  const english = leaves(languages.en)
  for (const [tag, texts] of Object.entries(languages)) {
    test(`${part}: ${tag} says all that English says, and uses what it is given`, t => {
      const own = leaves(texts)
      t.deepEqual([...own.keys()].sort(), [...english.keys()].sort())
      for (const [key, value] of own) {
        const count = typeof english.get(key) === 'function' ? (english.get(key) as () => string).length : 0
        const given = Array.from({ length: count }, (_, index) => `<${index}>`)
        const text =
          typeof value === 'function'
            ? String((value as (...args: string[]) => string)(...given))
            : String(value)
        t.not(text.trim(), '', key)
        for (const each of given) t.true(text.includes(each), `${key}: ${text}`)
        if (tag !== 'en' && key !== 'tag') t.regex(text, /\p{Script=Han}/u, key)
      }
    })
  }
}

test('the language is the one that the browser wants most of those there are', t => {
  for (const [header, language] of [
    [undefined, 'en'],
    ['', 'en'],
    ['de,fr;q=0.9', 'en'],
    ['zh', 'zh-Hans'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-Hans'],
    ['zh-TW,zh;q=0.9', 'zh-Hant'],
    ['zh-Hant-HK', 'zh-Hant'],
    ['zh-HK', 'zh-Hant'],
    ['en;q=0.1,zh-TW;q=0.5', 'zh-Hant'],
    ['zh;q=0,en', 'en'],
    ['de,zh-SG;q=0.3', 'zh-Hans'],
    [`${'a,'.repeat(5_000)}zh`, 'en'],
    ['*;q=x;;,,zh', 'zh-Hans'],
    ['constructor', 'en'],
    ['__proto__,zh', 'zh-Hans'],
  ] as const)
    t.is(languageFor(header), language, String(header).slice(0, 40))
})

test('a person chooses the language by the switch, and comes back to the page', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const browser = new Browser()
  const page = await browser.request(`${world.auth}/signin?site=shop`)
  const link = /href="(\/language\?to=zh-Hant[^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const chosen = await browser.request(world.auth + link)
  t.is(chosen.headers.location, `${world.auth}/signin?site=shop`)
  const shown = await browser.request(`${world.auth}/signin?site=shop`)
  t.regex(shown.body, /<html lang="zh-Hant">/)
  t.true(Buffer.from(shown.body, 'latin1').toString('utf8').includes('登入'))
  for (const target of ['//evil.com', 'https://evil.com/', '/\\evil.com', 'javascript:x']) {
    const query = new URLSearchParams({ to: 'en', return_to: target })
    t.is((await browser.request(`${world.auth}/language?${query}`)).headers.location, '/', target)
  }
  t.is((await browser.request(`${world.auth}/language?to=xx`)).status, 400)
})

test('pages look like the site that the person comes from', async t => {
  const logo = 'data:image/png;base64,AAAA'
  const world = await startWorld({
    adjust: yaml =>
      yaml.replace(
        'fanOut: push }',
        `fanOut: push, brand: { name: Gazette, accent: "#aa0044", logo: "${logo}" } }`,
      ),
  })
  t.teardown(() => world.close())
  const from = await new Browser().request(`${world.auth}/signin?site=news`)
  for (const text of ['Gazette', '#aa0044', logo]) t.true(from.body.includes(text), text)
  const plain = await new Browser().request(`${world.auth}/signin?site=shop`)
  t.true(plain.body.includes('Carnet demo'))
  t.false(plain.body.includes('Gazette'))
})
