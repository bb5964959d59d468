import { ADA } from '@carnet/demo'
import { carnet } from '@carnet/site-agent/node'
import test, { type ExecutionContext } from 'ava'
import { GOOD_PASSWORD, mailedLink } from '../support/accounts.ts'
import { certificate, startDomains } from '../support/domains.ts'
import { pageFaults } from '../support/page-faults.ts'
import { openChromium } from '../support/real-browser.ts'
import { until } from '../support/until.ts'
import type { World } from '../support/world.ts'

// Every page that people may see, in one browser, looked at by axe-core in light and dark, wide and narrow.

let losesCookies = false
const world: World = await startDomains({
  tap(part, req, res) {
    if (part !== 'shop') return false
    if (losesCookies) delete req.headers.cookie
    if (req.url !== '/editors') return false
    const gate = carnet(world.agents['shop'] as World['agents'][string])
    gate(req, res).then(answered => answered || gate.required(req, res, { role: 'editor' }))
    return true
  },
})
const secretive = await startDomains({ adjust: yaml => `${yaml}accounts: { signUp: private }\n` })
const browser = await openChromium(certificate, { thirdPartyCookies: false })
const { page } = browser
test.after.always(async () => {
  await browser.close()
  await world.close()
  await secretive.close()
})
test.beforeEach(() => page.context().clearCookies())

const { auth, shop } = world
const GRACE = { email: 'grace@example.com', password: GOOD_PASSWORD } as const

/** Opens a page and looks at it. */
async function look(t: ExecutionContext, name: string, url: string): Promise<void> {
  await browser.goto(url)
  await lookHere(t, name)
}

/** Looks at the page that is open. */
async function lookHere(t: ExecutionContext, name: string): Promise<void> {
  t.deepEqual(await pageFaults(page, name), [])
}

/** Opens a page and fills in its form. */
async function fill(url: string, fields: Readonly<Record<string, string>>): Promise<void> {
  await browser.goto(url)
  for (const [field, value] of Object.entries(fields)) await browser.fill(`#${field}`, value)
}

/** Fills in the form of a page, sends it, and looks at what comes. */
async function send(
  t: ExecutionContext,
  name: string,
  url: string,
  fields: Readonly<Record<string, string>>,
  button = 'form button',
): Promise<void> {
  await fill(url, fields)
  await browser.click(button, new URL(url).origin)
  await lookHere(t, name)
}

/** Sends a form that ends at the service's home, without a look. */
async function enter(path: string, fields: Readonly<Record<string, string>>): Promise<void> {
  await fill(auth + path, fields)
  await page.click('form button')
  await page.waitForURL(`${auth}/`)
}

test.serial('the pages for who is signed out', async t => {
  await look(t, 'home', `${auth}/`)
  const signInUrl = `${auth}/signin?site=shop`
  await look(t, 'signin', signInUrl)
  await send(t, 'signin wrong', signInUrl, { email: ADA.email, password: 'not the password, no' })
  await send(t, 'signin faults', signInUrl, { email: '', password: '' })
  const signUpUrl = `${auth}/signup?site=shop`
  await look(t, 'signup', signUpUrl)
  await send(t, 'signup faults', signUpUrl, { name: '', email: 'grace at example.com' })
  const passwords = { password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
  await send(t, 'signup taken', signUpUrl, { name: 'Ada', email: ADA.email, ...passwords })
  const fields = { name: 'Ada', email: ADA.email, ...passwords }
  await send(t, 'signup private', `${secretive.auth}/signup`, fields)

  const forgotUrl = `${auth}/password/forgot`
  await look(t, 'forgot', forgotUrl)
  await send(t, 'forgot faults', forgotUrl, { email: 'ada at example.com' })
  await send(t, 'forgot sent', forgotUrl, { email: ADA.email })
  await send(t, 'forgot too often', forgotUrl, { email: ADA.email })
  const resetUrl = await mailedLink(world, ADA.email, '/password/reset')
  await look(t, 'reset', resetUrl)
  await send(t, 'reset faults', resetUrl, { password: 'short', passwordAgain: 'shirt' })
  await look(t, 'reset void', `${auth}/password/reset?token=none`)

  await look(t, 'verify wait', `${auth}/verify-email`)
  await send(t, 'verify wait faults', `${auth}/verify-email`, { email: 'ada at example.com' })
  await send(t, 'verify wait sent', `${auth}/verify-email`, { email: 'nobody@example.com' })
  await look(t, 'verify void', `${auth}/verify-email?token=none`)
  await look(t, 'error not found', `${auth}/nowhere`)
  await look(t, 'error unknown site', `${auth}/signin?site=nowhere`)
  await page.click('.foot a')
  t.is(page.url(), `${auth}/help#unknown_site`)
  await lookHere(t, 'help')
  await look(t, 'dev mail', `${auth}/dev/mail`)
})

test.serial('the pages for who is signed in', async t => {
  const { email, password } = ADA
  // The page after a sign-in stays where its way on leads to no page.
  await page.route(`${shop}/api/signin*`, route => route.fulfill({ status: 204 }))
  await fill(`${auth}/signin?site=shop`, { email, password })
  await page.click('form button')
  await page.waitForSelector('#next')
  await lookHere(t, 'signed in')
  await page.unroute(`${shop}/api/signin*`)
  await page.context().clearCookies()
  await enter('/signin', { email, password })
  await look(t, 'home signed in', `${auth}/`)
  await look(t, 'verify verified', `${auth}/verify-email`)
  await look(t, 'account', `${auth}/account`)
  await send(t, 'account saved', `${auth}/account`, { name: 'Ada' })
  await send(t, 'account faults', `${auth}/account`, { name: '' })
  await look(t, 'account email', `${auth}/account/email`)
  await send(t, 'account email faults', `${auth}/account/email`, { email: ADA.email })
  const other = { email: 'ada.l@example.com' }
  await send(t, 'account email sent', `${auth}/account/email`, other)
  const changeUrl = await mailedLink(world, other.email, '/verify-email')
  await look(t, 'verify change own', changeUrl)
  await look(t, 'account password', `${auth}/account/password`)
  await send(t, 'account password faults', `${auth}/account/password`, { password: 'short' })
  await browser.goto(`${shop}/members`)
  await look(t, 'account sessions', `${auth}/account/sessions`)
  t.is(await page.locator('.sessions li').count(), 2)
  await send(t, 'account sessions ended', `${auth}/account/sessions`, {}, 'button[value=others]')
  await look(t, 'account delete', `${auth}/account/delete`)
  await look(t, 'signout', `${auth}/signout`)
  await until(
    async () => (await browser.goto(`${auth}/signin?site=shop&max_age=0`)).includes('/signin'),
    20_000,
  )
  await lookHere(t, 'signin again')
  await page.context().clearCookies()
  await look(t, 'verify change', changeUrl)
  await send(t, 'verify denied', changeUrl, {}, 'button[name=deny]')
})

test.serial('the pages for who has to confirm an address', async t => {
  const { email, password } = GRACE
  await enter('/signup', { name: 'Grace', email, password, passwordAgain: password })
  await look(t, 'home unconfirmed', `${auth}/`)
  await look(t, 'account unconfirmed', `${auth}/account`)
  await look(t, 'verify wait own', `${auth}/verify-email`)
  await send(t, 'verify wait too often', `${auth}/verify-email`, {})
  const link = await mailedLink(world, email, '/verify-email')
  await look(t, 'verify own', link)
  await look(t, 'site email unverified', `${shop}/verified`)
  await look(t, 'site forbidden', `${shop}/editors`)

  await page.context().clearCookies()
  await look(t, 'verify', link)
  await send(t, 'verify faults', link, { password: 'not the password, no' })
  await send(t, 'verify done', link, { password })
})

test.serial('the page of a site for who keeps no cookies there', async t => {
  await enter('/signin', GRACE)
  losesCookies = true
  await look(t, 'site cookies blocked', `${shop}/members`)
  losesCookies = false
  t.is(await page.locator('small').textContent(), 'Shop · state_mismatch')
  await page.click('small a')
  t.is(page.url(), `${auth}/help#state_mismatch`)
  t.true(await page.locator('#state_mismatch h3').isVisible())
})

for (const [tag, accept] of [
  ['zh-Hans', 'zh-CN'],
  ['zh-Hant', 'zh-TW'],
] as const) {
  test.serial(`${tag}: a few pages of each kind`, async t => {
    await page.setExtraHTTPHeaders({ 'Accept-Language': accept })
    const at = (name: string) => `${tag} ${name}`
    await look(t, at('home'), `${auth}/`)
    t.is(await browser.attribute('html', 'lang'), tag)
    await send(t, at('signin faults'), `${auth}/signin?site=shop`, { email: '', password: '' })
    await send(t, at('signup faults'), `${auth}/signup?site=shop`, { email: 'grace at example.com' })
    await look(t, at('forgot'), `${auth}/password/forgot`)
    const email = { email: `${tag}@example.com` }
    await send(t, at('forgot sent'), `${auth}/password/forgot`, email)
    await send(t, at('forgot too often'), `${auth}/password/forgot`, email)
    t.notRegex(await browser.text('.lead'), /[a-z]/i)
    await look(t, at('error not found'), `${auth}/nowhere`)
    await look(t, at('help'), `${auth}/help#ticket_unknown`)
    await enter('/signin', GRACE)
    await look(t, at('account'), `${auth}/account`)
    await look(t, at('account sessions'), `${auth}/account/sessions`)
    await look(t, at('account password'), `${auth}/account/password`)
    await look(t, at('signout'), `${auth}/signout`)
    await look(t, at('site forbidden'), `${shop}/editors`)
    t.is(await browser.attribute('html', 'lang'), tag)
    await page.setExtraHTTPHeaders({})
  })
}
