import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import {
  GOOD_PASSWORD,
  jsonOf,
  linkIn,
  mailsTo,
  mailTo,
  signUp,
  submitForm,
  tokenIn,
} from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { postJson, startWorld, whoAt } from '../support/world.ts'

const both = await startBothWorlds()
const { worlds } = both
test.after.always(() => both.close())

let people = 0
const address = () => `grace${people++}@example.com`

for (const [name, world] of Object.entries(worlds)) {
  const { auth, shop } = world

  test.serial(
    `${name}: who registers is signed in, not confirmed, and confirms in another browser with the password`,
    async t => {
      const email = address()
      const browser = new Browser()
      const reply = await signUp(world, browser, email, { site: 'shop', return_to: '/members' })
      t.is(reply.status, 200, reply.body)
      const { data } = jsonOf(reply)
      t.like(data, { ticket: null, returnTo: `${shop}/api/signin?return_to=%2Fmembers` })
      t.like(data?.['user'], { email, name: 'Grace', emailVerified: false, roles: [] })
      await browser.visit(`${shop}/members`)
      t.is(await whoAt(browser, shop), email)

      const mail = await mailTo(world, email, /Confirm/)
      t.true(linkIn(mail).startsWith(`${auth}/verify-email?token=`))
      t.true(mail.html.includes(linkIn(mail)))
      t.false(/Grace/.test(mail.text + mail.html), 'a stranger may have chosen the name')
      const other = new Browser()
      const page = await other.request(linkIn(mail))
      t.is(page.headers['referrer-policy'], 'no-referrer')
      t.regex(page.body, /name="password"/)
      t.regex(page.body, /This was not me/)
      const token = tokenIn(mail)
      const confirm = (password?: string) =>
        postJson(other, `${auth}/verify-email`, { token, ...(password && { password }) })
      t.like(jsonOf(await confirm()), { code: 400, error: 'invalid_input' })
      t.truthy(jsonOf(await confirm()).fields?.['password'])
      t.is(jsonOf(await confirm('not my password at all')).error, 'invalid_credentials')
      t.is(jsonOf(await confirm(GOOD_PASSWORD)).code, 0)
      t.is(await whoAt(other, shop), 'signed_out', 'confirming signs nobody in')
      t.is(jsonOf(await confirm(GOOD_PASSWORD)).fields?.['token'] === undefined, false, 'once')

      const session = await browser.request(`${shop}/api/session`)
      t.true(session.body.includes('"emailVerified":true'), 'and the live session knows')
    },
  )

  test.serial(
    `${name}: the form goes back with every fault beside its field, and what was typed but the passwords`,
    async t => {
      const browser = new Browser()
      const page = `${auth}/signup?site=shop`
      const send = async (fields: Record<string, string>) => {
        const reply = await submitForm(browser, page, fields)
        t.is(reply.status, 303)
        t.is(reply.headers.location, '/signup?site=shop')
        return (await browser.request(page)).body
      }
      const empty = await send({ name: '', email: '', password: '', passwordAgain: '' })
      for (const field of ['name', 'email', 'password', 'passwordAgain'])
        t.regex(
          empty,
          new RegExp(`id="${field}"[^>]*aria-invalid="true"[^>]*aria-describedby="${field}-error`),
          field,
        )
      const wrong = await send({
        name: 'G "H"',
        email: 'a@b@c',
        password: GOOD_PASSWORD,
        passwordAgain: GOOD_PASSWORD,
      })
      t.regex(wrong, /value="G &quot;H&quot;"/)
      t.regex(wrong, /value="a@b@c"/)
      t.false(wrong.includes(GOOD_PASSWORD))
      const differ = await send({
        name: 'G',
        email: address(),
        password: GOOD_PASSWORD,
        passwordAgain: `${GOOD_PASSWORD}x`,
      })
      t.regex(differ, /id="passwordAgain-error"/)
      const taken = await send({
        name: 'G',
        email: 'ADA@example.com',
        password: GOOD_PASSWORD,
        passwordAgain: GOOD_PASSWORD,
      })
      t.regex(taken, /href="\/signin\?site=shop"/)
      t.regex(taken, /href="\/password\/forgot\?site=shop"/)
      t.regex(taken, /id="email-error"/)
      t.false((await browser.request(page)).body.includes('aria-invalid='), 'shown once')
    },
  )

  test.serial(`${name}: JSON is told each fault by its field`, async t => {
    const ask = async (more: object) => jsonOf(await signUp(world, new Browser(), address(), more))
    for (const [more, field] of [
      [{ name: '' }, 'name'],
      [{ name: 'a\u0000b' }, 'name'],
      [{ name: 'a\u202eb' }, 'name'],
      [{ name: 'x'.repeat(201) }, 'name'],
      [{ name: 7 }, 'name'],
      [{ email: 'x' }, 'email'],
      [{ email: 'a\u0007@example.com' }, 'email'],
      [{ email: 'a＠b＠c' }, 'email'],
      [{ email: 'doctor-a@carnet.Invalid' }, 'email'],
      [{ email: 'a@example.com\r\nBcc: b@example.com' }, 'email'],
      [{ password: 'short', passwordAgain: 'short' }, 'password'],
      [{ passwordAgain: 'another long password' }, 'passwordAgain'],
      [{ role: 'admin' }, 'role'],
      [{ emailVerified: true }, 'emailVerified'],
    ] as [object, string][]) {
      const answer = await ask(more)
      t.like(answer, { code: 400, error: 'invalid_input' }, JSON.stringify(more))
      t.deepEqual(Object.keys(answer.fields ?? {}), [field], JSON.stringify(more))
    }
    t.like(jsonOf(await signUp(world, new Browser(), 'ada@EXAMPLE.com')), { code: 409, error: 'email_taken' })
    t.like(jsonOf(await postJson(new Browser(), `${auth}/signup`, '{"__proto__":{"role":"admin"}}')), {
      code: 400,
    })
  })

  test.serial(
    `${name}: an address is one in any of its spellings, also for two who come at once`,
    async t => {
      const email = address()
      const spellings = [email, email.toUpperCase(), email.replace('@', '＠'), ` ${email} `]
      const replies = await Promise.all(spellings.map(spelling => signUp(world, new Browser(), spelling)))
      t.deepEqual(replies.map(({ status }) => status).sort(), [200, 409, 409, 409])
      t.is((await mailsTo(world, email)).length <= 1, true)
    },
  )

  test.serial(
    `${name}: the owner of an address says that it was somebody else, and that account is gone`,
    async t => {
      const email = address()
      const stranger = new Browser()
      await signUp(world, stranger, email)
      const mail = await mailTo(world, email, /Confirm/)
      const owner = new Browser()
      const reply = await submitForm(owner, linkIn(mail), { deny: '1' }, 1)
      t.is(reply.status, 200)
      t.regex(reply.body, /is gone/)
      t.is(
        jsonOf(await stranger.request(`${auth}/account`, { headers: { accept: 'application/json' } })).error,
        'signed_out',
      )
      t.is(await world.service.users.find({ email }), null)
      t.is((await signUp(world, owner, email)).status, 200, 'and the address is free')
    },
  )

  test.serial(
    `${name}: a mail is sent again, but not at once, and nobody learns by it who has an account`,
    async t => {
      const email = address()
      const browser = new Browser()
      await signUp(world, browser, email)
      await mailTo(world, email, /Confirm/)
      const resend = (body: object, from = new Browser()) =>
        postJson(from, `${auth}/verify-email/resend`, body)
      const [known, unknown] = [await resend({ email }), await resend({ email: address() })]
      t.is(known.status, 429, 'the first mail was a moment ago')
      t.truthy(known.headers['retry-after'])
      t.is(unknown.status, 200)
      const nobody = address()
      t.is((await resend({ email: nobody })).status, 200)
      t.is((await resend({ email: nobody })).status, 429)
      t.deepEqual(await mailsTo(world, nobody), [])
      t.is((await resend({ email: 'no address' })).status, 400)
      t.is((await resend({}, browser)).status, 429, 'who is signed in need not say the address')
    },
  )
}

test.serial('who is signed in already goes on at once', async t => {
  const world = worlds.embedded
  const browser = new Browser()
  await signUp(world, browser, address())
  t.is((await browser.request(`${world.auth}/signup`)).headers.location, `${world.auth}/`)
})

test.serial('where sign-up is closed, it is, and no page leads there', async t => {
  const world = await startWorld({ adjust: yaml => `${yaml}accounts: { signUp: closed }\n` })
  t.teardown(() => world.close())
  t.is((await signUp(world, new Browser(), address())).status, 403)
  t.is((await new Browser().request(`${world.auth}/signup`)).status, 403)
  for (const path of ['/', '/signin'])
    t.false((await new Browser().request(world.auth + path)).body.includes('/signup'), path)
})

test.serial(
  'private: known and unknown addresses get the same answer, and only their owners a mail',
  async t => {
    const world = await startWorld({ adjust: yaml => `${yaml}accounts: { signUp: private }\n` })
    t.teardown(() => world.close())
    const email = address()
    const browser = new Browser()
    const [fresh, taken] = [
      await signUp(world, browser, email),
      await signUp(world, new Browser(), 'ada@example.com'),
    ]
    t.is(fresh.status, 200)
    t.is(fresh.body, taken.body)
    t.deepEqual(fresh.cookies, [])
    const strip = ({ date: _, ...headers }: Record<string, unknown>) => headers
    t.deepEqual(Object.keys(strip(fresh.headers)), Object.keys(strip(taken.headers)))
    await mailTo(world, 'ada@example.com', /You have an account/)
    const mail = await mailTo(world, email, /Confirm/)

    const signInWith = (password: string) => postJson(browser, `${world.auth}/signin`, { email, password })
    const early = await signInWith(GOOD_PASSWORD)
    t.is(early.status, 401, 'nobody is in before the mail is confirmed')
    t.is(early.body, (await signInWith('not the password, no')).body)
    t.is(
      (
        await postJson(browser, `${world.auth}/verify-email`, {
          token: tokenIn(mail),
          password: GOOD_PASSWORD,
        })
      ).status,
      200,
    )
    t.is((await signInWith(GOOD_PASSWORD)).status, 200)

    const pages = []
    for (const who of [address(), 'ada@example.com']) {
      const reply = await submitForm(new Browser(), `${world.auth}/signup`, {
        name: 'G',
        email: who,
        password: GOOD_PASSWORD,
        passwordAgain: GOOD_PASSWORD,
      })
      t.is(reply.status, 200)
      pages.push(reply.body.replace(/nonce="[^"]+"/g, ''))
    }
    t.is(pages[0], pages[1])
  },
)

test.serial('private: asking for another mail tells nothing either, and an owner is not flooded', async t => {
  const world = await startWorld({ adjust: yaml => `${yaml}accounts: { signUp: private }\n` })
  t.teardown(() => world.close())
  const { email } = await world.service.users.add({
    email: address(),
    password: GOOD_PASSWORD,
    name: 'Known',
    emailVerified: true,
  })
  const fresh = address()
  for (const who of [email, fresh]) t.is((await signUp(world, new Browser(), who)).status, 200)
  const resend = (who: string) => postJson(new Browser(), `${world.auth}/verify-email/resend`, { email: who })
  t.is((await resend(email)).status, (await resend(fresh)).status)
  for (let times = 0; times < 5; times++) await signUp(world, new Browser(), email)
  await mailTo(world, email, /You have an account/)
  await mailTo(world, fresh, /Confirm/)
  t.is((await mailsTo(world, email)).length, 1)
})

test.serial('a form that fails keeps the way on that its body named', async t => {
  const world = worlds.embedded
  const fields = {
    name: 'G',
    email: 'x',
    password: 'x',
    passwordAgain: 'y',
    site: 'shop',
    return_to: '/cart',
  }
  const reply = await submitForm(new Browser(), `${world.auth}/signup`, fields)
  t.is(reply.headers.location, '/signup?site=shop&return_to=%2Fcart')
})
