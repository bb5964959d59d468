import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import { CarnetError, STATUS_BY_CODE } from '@carnet/protocol'
import test from 'ava'
import { HELP } from '../../packages/auth-service/src/texts/help.ts'
import { signedIn, startWorld } from '../support/world.ts'

const root = join(import.meta.dirname, '../..')
const guideOf = (name: string) => readFileSync(join(root, `docs/guides/${name}.md`), 'utf8')
const codes = Object.keys(STATUS_BY_CODE).sort()
const world = await startWorld()
test.after.always(() => world.close())

test('the page of help has a paragraph for each code, in each language, and none for another', async t => {
  for (const [language, { codes: said }] of Object.entries(HELP)) {
    t.deepEqual(Object.keys(said).sort(), codes, language)
    const headers = { 'accept-language': language }
    const page = await new Browser().request(`${world.auth}/help`, { headers })
    t.is(page.status, 200)
    t.regex(page.body, new RegExp(`<html lang="${language}">`))
    t.deepEqual([...page.body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id).sort(), codes, language)
  }
})

test('the guide has a paragraph for each code with its status, and none for another', t => {
  const [, part = ''] = guideOf('troubleshooting').split('\n## By code\n')
  const headings = [...part.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading)
  t.deepEqual(
    headings.sort(),
    Object.entries(STATUS_BY_CODE)
      .map(([code, status]) => `${code} (${status})`)
      .sort(),
  )
  for (const paragraph of part.split(/^### .+$/m).slice(1)) t.true(paragraph.trim().length > 60)
})

test('the guides quote events that are logged, and lines that the doctor prints', t => {
  const sources = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter(file => /^[\w-]+\/src\/.*\.ts$/.test(file))
    .map(file => ({ file, text: readFileSync(join(root, 'packages', file), 'utf8') }))
  const all = sources.map(({ text }) => text).join()
  const doctor = sources
    .filter(({ file }) => file.includes('/doctor/'))
    .map(({ text }) => text)
    .join()
  for (const guide of ['troubleshooting', 'operating']) {
    const text = guideOf(guide).replaceAll(/\s+/g, ' ')
    for (const [, event = ''] of text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)) {
      if (/^(proxy_(hide|ignore|set)_headers?|add_header)$/.test(event)) continue
      t.true(all.includes(`'${event}'`) || codes.includes(event), `${guide}: ${event}`)
    }
    const lines = [...text.matchAll(/doctor(?: says)?:? `([^`]+)`/g)]
    t.true(guide === 'operating' || lines.length > 5)
    for (const [, line = ''] of lines)
      for (const part of line.replace(/^(fail|warn) \w+: /, '').split(/…/))
        t.true(doctor.includes(part.trim()), `${guide}: ${line}`)
  }
})

test('pages that refuse lead to the paragraph of their code, which is there while the store is not', async t => {
  const browser = await signedIn(world)
  const { read } = world.store
  world.store.read = () => Promise.reject(new CarnetError('store_unavailable', 'Away.'))
  t.teardown(() => {
    world.store.read = read
  })
  const link = '/help#store_unavailable'
  const own = await browser.request(`${world.auth}/account`)
  t.is(own.status, 503)
  t.true(own.body.includes(`<a href="${link}">store_unavailable</a>`))
  const site = await browser.visit(`${world.shop}/members`)
  t.is(site.status, 503)
  t.true(site.body.includes(`<a href="${world.auth}${link}">store_unavailable</a>`))
  t.is((await browser.request(`${world.auth}/help`)).status, 200)
})
