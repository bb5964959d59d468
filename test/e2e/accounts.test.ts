import { ADA } from '@carnet/demo'
import test from 'ava'
import { GOOD_PASSWORD, mailedLink } from '../support/accounts.ts'
import { certificate, startDomains } from '../support/domains.ts'
import { type Chromium, newProfile, openChromium, removeProfile } from '../support/real-browser.ts'
import { until } from '../support/until.ts'
import type { World } from '../support/world.ts'

// Accounts as people meet them: three unrelated domains and the service over HTTPS, in Chromium as Debian ships it.

const world = await startDomains()
// Sessions that end while nobody looks on.
const short = await startDomains({ adjust: yaml => `${yaml}session: { idle: 2s }\n` })
test.after.always(async () => {
  await world.close()
  await short.close()
})

let people = 0
const address = () => `grace${people++}@example.com`

function open(options: { script?: boolean; profile?: string } = {}): Promise<Chromium> {
  return openChromium(certificate, { thirdPartyCookies: false, ...options })
}

async function fill(browser: Chromium, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await browser.fill(`#${name}`, value)
}

async function signUp(browser: Chromium, { auth, shop }: World, email: string): Promise<void> {
  await browser.goto(`${auth}/signup?site=shop&return_to=/members`)
  await fill(browser, { name: 'Grace', email, password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD })
  await browser.click('form button', `${shop}/members`)
}

/** Signs in on the way to the shop's members' page, to stay signed in. */
async function signInForLong(browser: Chromium, { auth, shop }: World): Promise<void> {
  await browser.goto(`${shop}/members`)
  await fill(browser, { email: ADA.email, password: ADA.password })
  await browser.page.check('#remember')
  await browser.click('form button', `${shop}/members`)
  const kept = await browser.page.context().cookies(auth)
  if (!kept.some(({ name }) => name.endsWith('-remember'))) throw new Error('The browser is not remembered.')
}

/** The names of the service's cookies that end with the browser, and of those that do not. */
async function cookiesOf(
  browser: Chromium,
  { auth }: World,
): Promise<{ brief: string[]; lasting: string[] }> {
  const cookies = await browser.page.context().cookies(auth)
  const names = (brief: boolean) =>
    cookies.filter(({ expires }) => expires < 0 === brief).map(({ name }) => name)
  return { brief: names(true), lasting: names(false) }
}

for (const script of [true, false]) {
  const name = `JavaScript ${script ? 'on' : 'off'}`

  test.serial(
    `${name}: who registers is in at once, and confirms the address in another browser`,
    async t => {
      const { auth, shop, service } = world
      const email = address()
      const first = await open({ script })
      const second = await open({ script })
      try {
        await signUp(first, world, email)
        t.is(await first.text('#state'), 'Signed in as Grace')
        const user = await service.users.find({ email })
        const sessions = () => service.sessions.list(user?.user.id)
        const [session, ...more] = await sessions()
        t.deepEqual(more, [])

        t.is(await first.goto(`${shop}/verified`), `${shop}/verified`)
        t.is(await first.text('small'), 'Shop · email_unverified')
        await first.click('main a', `${auth}/verify-email?site=shop`)
        t.true((await first.text('.lead')).includes(email))

        const link = `section:has-text("${email}") a[href*="/verify-email?token="]`
        await until(async () => {
          await second.goto(`${auth}/dev/mail`)
          return (await second.page.locator(link).count()) === 1
        })
        await second.click(link, `${auth}/verify-email?token=`)
        t.is(await second.page.locator('#password').count(), 1, 'a browser that is not signed in is asked')
        await second.fill('#password', 'not the password, no')
        await second.click('button:not(.quiet)', `${auth}/verify-email?token=`)
        t.is(await second.attribute('#password', 'aria-invalid'), 'true')
        t.is(await first.goto(`${shop}/verified`), `${shop}/verified`)
        t.is(await first.text('small'), 'Shop · email_unverified')
        await second.fill('#password', GOOD_PASSWORD)
        await second.click('button:not(.quiet)', `${auth}/verify-email`)
        t.is(await second.page.locator('#password').count(), 0)
        t.true((await second.text('.lead')).includes(email))
        await second.goto(`${shop}/`)
        t.is(await second.text('#state'), 'Signed out', 'confirming signs nobody in')

        t.is(await first.goto(`${shop}/verified`), `${shop}/verified`)
        t.is(await first.text('#state'), 'Signed in as Grace')
        t.is(await first.attribute('nav [aria-current]', 'href'), '/verified')
        t.deepEqual(
          (await sessions()).map(({ id }) => id),
          [session?.id],
          'the session that was there knows',
        )
      } finally {
        await first.close()
        await second.close()
      }
    },
  )
}

test.serial(
  'a browser that is remembered needs no password after a restart, until it signs out at a site',
  async t => {
    const { auth, shop, news } = world
    const profile = newProfile()
    let browser = await open({ profile })
    const restart = async () => {
      await browser.close()
      browser = await open({ profile })
    }
    try {
      await signInForLong(browser, world)
      const before = await cookiesOf(browser, world)
      t.deepEqual(before.brief, ['__Host-carnet'])
      await restart()
      const after = await cookiesOf(browser, world)
      t.deepEqual(
        after,
        { brief: [], lasting: before.lasting },
        'the session’s cookie ended with the browser',
      )
      await browser.goto(`${shop}/`)
      t.is(await browser.text('#state'), 'Signed out')
      t.is(await browser.goto(`${shop}/members`), `${shop}/members`)
      t.is(await browser.text('#state'), 'Signed in as Ada')
      t.is(await browser.attribute('#via', 'data-via'), 'bounce')
      t.is(await browser.goto(`${news}/members`), `${news}/members`)

      await browser.click('.who button', `${news}/`)
      t.true((await browser.goto(`${shop}/members`)).startsWith(`${auth}/signin`))
      await restart()
      t.true((await browser.goto(`${shop}/members`)).startsWith(`${auth}/signin`))
      t.false((await cookiesOf(browser, world)).lasting.includes('__Host-carnet-remember'))
    } finally {
      await browser.close()
      removeProfile(profile)
    }
  },
)

test.serial(
  'a browser that is remembered needs no password after its session has ended, until it signs out',
  async t => {
    const { auth, shop, service } = short
    const browser = await open()
    const sessionEnds = () => until(async () => (await service.sessions.list()).length === 0)
    try {
      await signInForLong(browser, short)
      await sessionEnds()
      await browser.goto(`${shop}/`)
      t.is(await browser.text('#state'), 'Signed out')
      t.is(await browser.goto(`${shop}/members`), `${shop}/members`)
      t.is(await browser.text('#state'), 'Signed in as Ada')

      // The page is still open, and its button still there.
      await sessionEnds()
      await browser.click('.who button', `${shop}/`)
      t.true((await browser.goto(`${shop}/members`)).startsWith(`${auth}/signin`))
    } finally {
      await browser.close()
    }
  },
)

/** A form that was filled in badly. */
interface Mistake {
  readonly form: string
  readonly at: string
  readonly typed: Readonly<Record<string, string>>
  /** The fields at fault, in their order. None: the page says it as a whole. */
  readonly faulty: readonly string[]
}

/** What a person sees of a field. */
interface SeenField {
  readonly value: string
  readonly focused: boolean
  readonly invalid: boolean
  /** What is said of it right below; empty where nothing is. */
  readonly fault: string
}

function seenField(browser: Chromium, name: string): Promise<SeenField> {
  return browser.page.$eval(`#${name}`, element => {
    const input = element as HTMLInputElement
    const notes = (input.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map(id => document.getElementById(id))
    const fault = notes.find(note => note?.classList.contains('error'))
    const gap = (fault?.getBoundingClientRect().top ?? 0) - input.getBoundingClientRect().bottom
    return {
      value: input.value,
      focused: document.activeElement === input,
      invalid: input.getAttribute('aria-invalid') === 'true',
      fault: gap >= 0 && gap < 16 ? (fault?.textContent ?? '') : '',
    }
  })
}

/** Mistakes of who is signed in. */
function mistakesInside({ auth }: World): Mistake[] {
  return [
    {
      form: 'the change of the password, short and not twice the same',
      at: `${auth}/account/password`,
      typed: { password: 'too short', passwordAgain: 'too shirt' },
      faulty: ['password', 'passwordAgain'],
    },
    {
      form: 'the change of the address',
      at: `${auth}/account/email`,
      typed: { email: 'grace at example.com' },
      faulty: ['email'],
    },
    { form: 'the name', at: `${auth}/account`, typed: { name: ' ' }, faulty: ['name'] },
  ]
}

/** Mistakes of who is not. */
function mistakesOutside({ auth }: World, email: string, resetLink: string): Mistake[] {
  const signUp = `${auth}/signup?site=shop`
  const person = { name: 'Grace <Hopper>', email: address() }
  return [
    {
      form: 'sign-in without a password',
      at: `${auth}/signin?site=shop`,
      typed: { email, password: '' },
      faulty: ['password'],
    },
    {
      form: 'sign-in with a wrong password',
      at: `${auth}/signin?site=shop`,
      typed: { email, password: 'not the password, no' },
      faulty: [],
    },
    {
      form: 'sign-up with nothing right',
      at: signUp,
      typed: { name: '', email: 'grace at example.com', password: '', passwordAgain: '' },
      faulty: ['name', 'email', 'password', 'passwordAgain'],
    },
    {
      form: 'sign-up with bad passwords',
      at: signUp,
      typed: { ...person, password: 'too short', passwordAgain: 'too shirt' },
      faulty: ['password', 'passwordAgain'],
    },
    {
      form: 'sign-up with an address that is taken',
      at: signUp,
      typed: { name: 'Grace', email, password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD },
      faulty: ['email'],
    },
    {
      form: 'a forgotten password and a faulty address',
      at: `${auth}/password/forgot`,
      typed: { email: 'grace at example.com' },
      faulty: ['email'],
    },
    {
      form: 'the new password, too short',
      at: resetLink,
      typed: { password: 'too short', passwordAgain: 'too short' },
      faulty: ['password'],
    },
  ]
}

for (const script of [true, false]) {
  test.serial(
    `JavaScript ${script ? 'on' : 'off'}: faults stand beside their fields, with what was typed but the passwords`,
    async t => {
      const email = address()
      const browser = await open({ script })
      const make = async ({ form, at, typed, faulty }: Mistake) => {
        await browser.goto(at)
        await fill(browser, typed)
        await browser.click('form button', at)
        // The focus comes with the first frame, after the page has loaded.
        await until(async () => (await seenField(browser, faulty[0] ?? 'password')).focused)
        for (const [name, value] of Object.entries(typed)) {
          const secret = name.startsWith('password')
          const seen = await seenField(browser, name)
          t.is(seen.value, secret ? '' : value, `${form}: ${name}`)
          t.is(seen.invalid, faulty.includes(name), `${form}: ${name}`)
          t.is(seen.fault !== '', faulty.includes(name), `${form}: ${name} says ${seen.fault}`)
          // On the first that is to be mended.
          t.is(seen.focused, name === (faulty[0] ?? 'password'), `${form}: ${name}`)
          if (secret && value !== '') t.false((await browser.page.content()).includes(value), form)
        }
        t.is(
          await browser.page.locator('[role=alert]:not(:has(a))').count(),
          faulty.length === 0 ? 1 : 0,
          form,
        )
      }
      try {
        await signUp(browser, world, email)
        for (const mistake of mistakesInside(world)) await make(mistake)
        await browser.page.context().clearCookies()
        await browser.goto(`${world.auth}/password/forgot`)
        await browser.fill('#email', email)
        await browser.click('form button', `${world.auth}/password/forgot`)
        const resetLink = await mailedLink(world, email, '/password/reset')
        for (const mistake of mistakesOutside(world, email, resetLink)) await make(mistake)
      } finally {
        await browser.close()
      }
    },
  )
}
