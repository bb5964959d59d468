import type { IncomingMessage } from 'node:http'
import { ADA, type Part } from '@carnet/demo'
import test from 'ava'
import { certificate, startDomains } from '../support/domains.ts'
import { openChromium, openFirefox, type RealBrowser } from '../support/real-browser.ts'
import { until } from '../support/until.ts'
import type { World } from '../support/world.ts'

// Three unrelated domains and the service over HTTPS, in browsers as people have them.

interface Seen {
  readonly part: Part
  readonly path: string
  readonly query: string
  readonly method: string
  readonly referer: string
  readonly cookies: string
}

/** The world of one browser, and every request that it made. */
async function worldOf(): Promise<{ world: World; seen: Seen[] }> {
  const seen: Seen[] = []
  const note = (part: Part, req: IncomingMessage) => {
    const [path = '', query = ''] = (req.url ?? '').split('?')
    const { referer = '', cookie = '' } = req.headers
    seen.push({ part, path, query, method: req.method ?? '', referer, cookies: cookie })
  }
  const world = await startDomains({
    tap(part, req, res) {
      note(part, req)
      // The control: a plain third-party cookie, with nothing of ours about it.
      if (req.url === '/control.gif') {
        res.setHeader('Set-Cookie', 'control=1; Path=/; Secure; SameSite=None')
        res.setHeader('Content-Type', 'image/gif')
        res.end(Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'))
        return true
      }
      if (req.url === '/control') {
        res.setHeader('Content-Type', 'text/html')
        res.end(`<!doctype html><title>control</title><img src="${world.shop}/control.gif" alt="">`)
        return true
      }
      if (req.url === '/stranger') {
        res.setHeader('Content-Type', 'text/html')
        res.end(`<!doctype html><title>stranger</title><img src="${world.shop}/api/auth.gif" alt="">`)
        return true
      }
      if (req.url === '/control-check') {
        res.setHeader('Content-Type', 'text/html')
        res.end(
          `<!doctype html><title>control</title><p id="control">${(req.headers.cookie ?? '').includes('control=1') ? 'kept' : 'dropped'}</p>`,
        )
        return true
      }
      return false
    },
  })
  return { world, seen }
}

interface Mode {
  readonly name: string
  readonly open: () => Promise<RealBrowser>
  readonly thirdPartyCookies: boolean
}

const MODES: Mode[] = [
  {
    name: 'Chromium, third-party cookies allowed',
    thirdPartyCookies: true,
    open: () => openChromium(certificate, { thirdPartyCookies: true }),
  },
  {
    name: 'Chromium, third-party cookies blocked',
    thirdPartyCookies: false,
    open: () => openChromium(certificate, { thirdPartyCookies: false }),
  },
  { name: 'Firefox ESR, as it comes', thirdPartyCookies: false, open: openFirefox },
]

for (const { name, open, thirdPartyCookies } of MODES) {
  test.serial(`${name}: one password for three domains, and out of all of them at once`, async t => {
    const { world, seen } = await worldOf()
    const { auth, shop, news, games } = world
    const browser = await open()
    try {
      await browser.goto(`${news}/control`)
      await browser.goto(`${shop}/control-check`)
      t.is(await browser.text('#control'), thirdPartyCookies ? 'kept' : 'dropped', 'the control cookie')

      t.true((await browser.goto(`${shop}/members`)).startsWith(`${auth}/signin`))
      await browser.fill('#email', ADA.email)
      await browser.fill('#password', ADA.password)
      await browser.click('button', `${shop}/members`)
      t.is(await browser.text('#state'), 'Signed in as Ada')
      t.is(await browser.attribute('#via', 'data-via'), 'bounce')

      for (const [part, site, fanOut] of [
        ['news', news, 'push'],
        ['games', games, 'pull'],
      ] as const) {
        const before = seen.length
        t.is(await browser.goto(`${site}/members`), `${site}/members`)
        t.is(await browser.text('#state'), 'Signed in as Ada')
        t.is(await browser.attribute('#via', 'data-via'), thirdPartyCookies ? fanOut : 'bounce')
        const visit = seen.slice(before)
        const asked = visit.filter(({ path }) => path === '/authorize').length
        t.is(asked, thirdPartyCookies ? 0 : 1, 'requests to /authorize')
        const first = visit.find(request => request.part === part && request.path === '/members')
        t.is(
          first?.cookies.includes('__Host-carnet-claim='),
          thirdPartyCookies,
          'the first navigation’s claim',
        )
      }

      await browser.goto(`${games}/`)
      await browser.click('.who button', `${games}/`)
      await browser.goto(`${games}/`)
      t.is(await browser.text('#state'), 'Signed out')
      for (const site of [shop, news]) {
        await browser.goto(`${site}/`)
        t.is(await browser.text('#state'), 'Signed out')
        t.true((await browser.goto(`${site}/members`)).startsWith(`${auth}/signin`))
      }

      t.is(
        seen.filter(({ part, path, method }) => part === 'auth' && path === '/signin' && method === 'POST')
          .length,
        1,
      )
      t.true(
        seen.some(({ query }) => query.includes('ticket=')),
        'tickets were there to leak',
      )
      t.deepEqual(
        seen
          .filter(({ referer }) => /ticket=|state=/.test(referer))
          .map(({ path, referer }) => `${path} ${referer}`),
        [],
      )
    } finally {
      await browser.close()
      await world.close()
    }
  })
}

test.serial('Chromium without JavaScript: the sign-in goes on by itself', async t => {
  const { world } = await worldOf()
  const browser = await openChromium(certificate, { thirdPartyCookies: true, script: false })
  try {
    await browser.goto(`${world.shop}/members`)
    await browser.fill('#email', ADA.email)
    await browser.fill('#password', ADA.password)
    await browser.click('button', `${world.shop}/members`)
    t.is(await browser.text('#state'), 'Signed in as Ada')
  } finally {
    await browser.close()
    await world.close()
  }
})

test.serial('Chromium: a stranger’s page signs nobody in, by pixel or by address', async t => {
  const { world, seen } = await worldOf()
  const { auth, shop, games } = world
  const browser = await openChromium(certificate, { thirdPartyCookies: true })
  try {
    await browser.goto(`${auth}/signin?site=shop`)
    await browser.fill('#email', ADA.email)
    await browser.fill('#password', ADA.password)
    await browser.click('button', shop)

    const before = seen.length
    await browser.goto(`${games}/stranger`)
    const chain = () =>
      seen.slice(before).filter(({ path }) => path === '/authorize' || path === '/api/auth.gif')
    await until(() => chain().length === 2)
    t.is(chain()[1]?.query.includes('mode=pixel'), true)
    t.is(chain()[1]?.cookies, '', 'on a stranger’s page the service’s cookies stay behind')
    await browser.goto(`${games}/`)
    t.false(
      seen.slice(before).some(({ query }) => query.includes('ticket=')),
      'so no ticket was issued',
    )

    const forged = `${shop}/api/auth?ticket=shop.aaaaaaaa.${'a'.repeat(24)}&state=${'s'.repeat(43)}`
    t.is(
      new URL(await browser.goto(forged)).origin,
      shop,
      'a made-up way back ends at home, signed in as before',
    )
    await browser.goto(`${shop}/`)
    t.is(await browser.text('#state'), 'Signed in as Ada')
  } finally {
    await browser.close()
    await world.close()
  }
})
