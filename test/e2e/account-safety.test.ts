import { ADA } from '@carnet/demo'
import { carnet } from '@carnet/site-agent/node'
import test from 'ava'
import { certificate, startDomains } from '../support/domains.ts'
import { putForward } from '../support/later.ts'
import { pageFaults } from '../support/page-faults.ts'
import { openChromium, openFirefox } from '../support/real-browser.ts'
import type { World } from '../support/world.ts'

// A site that people are asked about, a page that wants a fresh password, and a session of somebody else's, as people
// meet them: over HTTPS, on domains that have nothing in common.

const world: World = await startDomains({
  adjust: yaml => yaml.replace(/(id: games.*), fanOut: pull/, '$1, ask: true'),
  tap(part, req, res) {
    if (part !== 'shop' || req.url !== '/vault') return false
    const gate = carnet(world.agents['shop'] as World['agents'][string])
    gate(req, res).then(answered => {
      if (answered || gate.required(req, res, { maxAge: '10m' }) === null) return
      res.setHeader('Content-Type', 'text/html')
      res.end('<!doctype html><title>vault</title><p id="vault">open</p>')
    })
    return true
  },
})
test.after.always(() => world.close())

const { auth, shop, games } = world
const open = { chromium: () => openChromium(certificate, { thirdPartyCookies: true }), firefox: openFirefox }

for (const [name, start] of Object.entries(open)) {
  test.serial(`${name}: a site that asks is entered after a click, and declined by another`, async t => {
    const browser = await start()
    try {
      t.true((await browser.goto(`${games}/members`)).startsWith(`${auth}/signin`))
      await browser.fill('#email', ADA.email)
      await browser.fill('#password', ADA.password)
      await browser.click('form button', `${auth}/authorize`)
      t.is(await browser.text('h1'), 'Continue to Games as Ada?')
      await browser.click('a.quiet', `${games}/members`)
      t.is(await browser.text('h1'), 'You are not signed in at Games')
      await browser.click('main a', `${auth}/authorize`)
      await browser.click('form button', `${games}/members`)
      t.is(await browser.text('#state'), 'Signed in as Ada')
      t.is(await browser.attribute('#via', 'data-via'), 'bounce')
    } finally {
      await browser.close()
    }
  })

  test.serial(`${name}: a page that wants a fresh password has it asked for, and opens then`, async t => {
    const browser = await start()
    let back = () => {}
    try {
      await browser.goto(`${shop}/vault`)
      await browser.fill('#email', ADA.email)
      await browser.fill('#password', ADA.password)
      await browser.click('form button', `${shop}/vault`)
      t.is(await browser.text('#vault'), 'open')
      back = putForward(world.store, 11 * 60_000)
      t.is(await browser.goto(`${shop}/members`), `${shop}/members`)
      t.true((await browser.goto(`${shop}/vault`)).startsWith(`${auth}/signin`))
      t.is(await browser.text('h1'), 'Confirm that it is you')
      await browser.fill('#password', ADA.password)
      await browser.click('form button', `${shop}/vault`)
      t.is(await browser.text('#vault'), 'open')
    } finally {
      back()
      await browser.close()
    }
  })
}

test.serial('the pages are in order, wide and narrow, light and dark, in each language', async t => {
  const browser = await openChromium(certificate, { thirdPartyCookies: true })
  const other = await openChromium(certificate, { thirdPartyCookies: true })
  const { page } = browser
  const look = async (what: string) => t.deepEqual(await pageFaults(page, what), [])
  try {
    const ada = await world.service.users.find({ email: ADA.email })
    await world.service.sessions.end(ada?.user.id ?? '', 'all')
    for (const each of [browser, other]) {
      await each.goto(`${auth}/signin`)
      await each.fill('#email', ADA.email)
      await each.fill('#password', ADA.password)
      await each.click('form button', `${auth}/`)
    }
    for (const [tag, accept] of [
      ['en', 'en'],
      ['zh-Hans', 'zh-CN'],
      ['zh-Hant', 'zh-TW'],
    ] as const) {
      await page.setExtraHTTPHeaders({ 'Accept-Language': accept })
      await browser.goto(`${games}/members`)
      t.is(await browser.attribute('html', 'lang'), tag)
      await look(`${tag} consent`)
      await browser.click('a.quiet', `${games}/members`)
      await look(`${tag} site declined`)
      await browser.goto(`${auth}/account/sessions`)
      await look(`${tag} account sessions`)
      await browser.goto(`${auth}/account/password?because=not_me`)
      await look(`${tag} account password not me`)
    }
    await browser.goto(`${auth}/account/sessions`)
    await browser.click('button[name=notMe]', `${auth}/account/password?because=not_me`)
    t.true((await other.goto(`${auth}/account`)).startsWith(`${auth}/signin`))
  } finally {
    await browser.close()
    await other.close()
  }
})
