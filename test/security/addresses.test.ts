// Addresses: who a request comes from, and which origin is ours.
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { linkIn, mailTo } from '../support/accounts.ts'
import { postJson, whoAt } from '../support/world.ts'
import {
  enteredBrowser,
  newPerson,
  pushedPixel,
  setsSession,
  signInPage,
  startStages,
  wayBack,
} from './world.ts'

const stages = await startStages()
test.after.always(() => stages.close())

const FORWARDING = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
]

stages.each('A1 forwarding: no header of a client’s own making names its address', async (t, stage) => {
  const { auth, shop } = stage
  const page = signInPage(stage)
  for (const name of FORWARDING) {
    const victim = new Browser()
    const pixel = await pushedPixel(stage, victim)
    const thief = new Browser({ from: '127.0.0.2' })
    const value = name === 'forwarded' ? 'for=127.0.0.1' : '127.0.0.1, 127.0.0.2'
    const reply = await thief.request(pixel, { page, headers: { [name]: value } })
    t.is(reply.headers['carnet-error'], 'ticket_wrong_client', name)
    t.deepEqual(reply.cookies, [])
    t.is((await victim.request(pixel, { page })).headers['carnet-error'], 'ticket_unknown', 'it was spent')
  }
  // From another network than the ticket was issued to, also with a nonce.
  const browser = await enteredBrowser(stage)
  const back = await wayBack(browser, shop)
  const [name, value] =
    /^(carnet-nonce-[^=]+)=([^;]+)/.exec((await nonceOf(browser, shop)) ?? '')?.slice(1) ?? []
  t.truthy(name)
  const elsewhere = new Browser({ from: '127.1.0.1' })
  elsewhere.plant(shop, name ?? '', value ?? '')
  const reply = await elsewhere.request(back, { headers: { 'x-forwarded-for': '127.0.0.1' } })
  t.false(setsSession(reply))
  // What the service does not know for certain, it issues no pushed ticket to.
  const signedIn = await postJson(
    new Browser(),
    `${auth}/signin`,
    { email: 'ada@example.com', password: 'correct horse battery staple', site: 'news' },
    { 'x-forwarded-for': '203.0.113.9' },
  )
  t.is((JSON.parse(signedIn.body) as { data: { ticket: unknown } }).data.ticket, null)

  /** The nonce cookie that a browser holds for the way back just made. */
  async function nonceOf(holder: Browser, site: string): Promise<string | null> {
    const state = new URL(back).searchParams.get('state') ?? ''
    const cookie = `carnet-nonce-${state.slice(0, 12).replace(/[^\w-]/g, '')}`
    const held = holder.cookie(site, cookie)
    return held === null ? null : `${cookie}=${held};`
  }
})

stages.each(
  'A2 origin: Host, X-Forwarded-Host and Origin move neither links nor redirects nor what counts as ours',
  async (t, stage) => {
    const { auth, shop } = stage
    const person = await newPerson(stage)
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    const asked = await postJson(new Browser(), `${auth}/password/forgot`, { email: person.email }, headers)
    t.is(asked.status, 200)
    const mail = await mailTo(stage, person.email, /\/password\/reset\?/)
    t.true(linkIn(mail).startsWith(`${auth}/password/reset?token=`))
    t.false(`${mail.text}${mail.html}`.includes('evil'))

    const browser = await enteredBrowser(stage, person, [shop])
    const evil = { ...headers, origin: 'http://evil.example' }
    for (const url of [
      `${auth}/signin`,
      `${shop}/api/signin?return_to=/`,
      `${auth}/authorize?site=shop&state=s`,
    ]) {
      const { location } = (await browser.request(url, { headers: evil })).headers
      t.false(location?.includes('evil') ?? false, location)
    }
    // Koa's `request.origin` would make these two the same.
    for (const url of [`${auth}/signout`, `${shop}/api/signout`]) {
      const reply = await browser.request(url, {
        method: 'POST',
        headers: { ...evil, 'content-type': 'application/x-www-form-urlencoded' },
        body: '',
      })
      t.is(reply.headers['carnet-error'], 'csrf', url)
    }
    t.is(await whoAt(browser, shop), person.email)
  },
)
