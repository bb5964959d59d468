import { Browser } from '@carnet/demo/browser'
import { CarnetError, STATUS_BY_CODE } from '@carnet/protocol'
import test from 'ava'
import { HELP } from '../../packages/auth-service/src/texts/help.ts'
import { signedIn, startWorld } from '../support/world.ts'

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
