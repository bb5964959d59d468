import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { GOOD_PASSWORD, jsonOf, linkIn, mailsTo, mailTo, submitForm } from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { putForward } from '../support/later.ts'
import { until } from '../support/until.ts'
import { postJson, type World } from '../support/world.ts'

const both = await startBothWorlds()
const { worlds } = both
test.after.always(() => both.close())

const NEW_PASSWORD = 'eleven quiet rivers bend'
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const OLD_MS = 11 * 60_000
const json = { headers: { accept: 'application/json' } }

let people = 0
const address = () => `safe${people++}@example.com`

async function person(world: World): Promise<{ id: string; email: string }> {
  return world.service.users.add({
    email: address(),
    password: GOOD_PASSWORD,
    name: 'Lin',
    emailVerified: true,
  })
}

async function signedIn(world: World, email: string, more: object = {}): Promise<Browser> {
  const browser = new Browser({ userAgent: LINUX })
  const body = { email, password: GOOD_PASSWORD, ...more }
  const reply = await postJson(browser, `${world.auth}/signin`, body)
  if (reply.status !== 200) throw new Error(reply.body)
  return browser
}

/** The id of a browser's own session in the list. */
async function idOf({ auth }: World, browser: Browser): Promise<string> {
  const { data } = jsonOf(await browser.request(`${auth}/account/sessions`, json))
  const sessions = data?.['sessions'] as { id: string; current: boolean }[]
  return sessions.find(({ current }) => current)?.id ?? ''
}

const isIn = async ({ auth }: World, browser: Browser) =>
  (await browser.request(`${auth}/account`, json)).status === 200

for (const [name, world] of Object.entries(worlds)) {
  const { auth } = world

  test.serial(
    `${name}: a session of somebody else's ends with what remembers its browser, and a new password comes next`,
    async t => {
      const { email } = await person(world)
      const mine = await signedIn(world, email)
      const thief = await signedIn(world, email, { remember: true })
      const page = await mine.request(`${auth}/account/sessions`)
      t.is(page.body.split('name="notMe"').length - 1, 1, 'not beside this very session')
      // The latest is the first.
      const ended = await submitForm(mine, `${auth}/account/sessions`, { notMe: '1' }, 0)
      t.is(ended.headers.location, '/account/password?because=not_me')
      t.false(await isIn(world, thief), 'nor does it come back by being remembered')
      t.true(await isIn(world, mine))

      const next = `${auth}/account/password?because=not_me`
      t.regex((await mine.request(next)).body, /role="alert">That device is signed out/)
      t.notRegex((await mine.request(`${auth}/account/password`)).body, /role="alert"/)
      const faulty = await submitForm(mine, next, { password: 'short', passwordAgain: 'short' })
      t.is(faulty.headers.location, '/account/password?because=not_me')
      const fields = { password: NEW_PASSWORD, passwordAgain: NEW_PASSWORD }
      t.is((await submitForm(mine, next, fields)).status, 200)
      const late = await postJson(thief, `${auth}/signin`, { email, password: GOOD_PASSWORD })
      t.is(jsonOf(late).error, 'invalid_credentials')
    },
  )

  test.serial(`${name}: ending it asks no password, and the new password asks the old one first`, async t => {
    const { email } = await person(world)
    const mine = await signedIn(world, email)
    const thief = await signedIn(world, email)
    const id = await idOf(world, thief)
    t.teardown(putForward(world.store, OLD_MS))
    const token = /name="form_token" value="([^"]+)"/.exec(
      (await mine.request(`${auth}/account/sessions`)).body,
    )
    const form = { form_token: token?.[1] ?? '', end: id, notMe: '1' }
    const ended = await mine.submit(`${auth}/account/sessions`, '/account/sessions', form)
    t.false(await isIn(world, thief))
    const asked = await mine.request(auth + ended.headers.location)
    const signIn = asked.headers.location ?? ''
    t.is(signIn, '/signin?return_to=%2Faccount%2Fpassword%3Fbecause%3Dnot_me&max_age=600')
    const wrong = await submitForm(mine, auth + signIn, { email, password: 'not the password, no' })
    t.is(wrong.headers.location, signIn)
    const right = await submitForm(mine, auth + signIn, { email, password: GOOD_PASSWORD })
    t.regex(right.body, /href="[^"]*\/account\/password\?because=not_me"/)
    t.regex((await mine.request(`${auth}/account/password?because=not_me`)).body, /role="alert">That device/)
  })

  test.serial(`${name}: as JSON it says what comes next, and is said of one other session only`, async t => {
    const { email } = await person(world)
    const mine = await signedIn(world, email)
    const thief = await signedIn(world, email)
    const stranger = await signedIn(world, (await person(world)).email)
    const end = (browser: Browser, body: object) => postJson(browser, `${auth}/account/sessions`, body)
    for (const wrong of ['others', 'everywhere', await idOf(world, mine)]) {
      const reply = await end(mine, { end: wrong, notMe: true })
      t.is(reply.status, 400, wrong)
      t.truthy(jsonOf(reply).fields?.['notMe'], wrong)
    }
    const id = await idOf(world, thief)
    t.is((await end(stranger, { end: id, notMe: true })).status, 404)
    t.true(await isIn(world, thief))
    t.true(await isIn(world, mine))
    const reply = await end(mine, { end: id, notMe: true })
    t.deepEqual(jsonOf(reply).data, { ended: 1, next: '/account/password' })
    t.false(await isIn(world, thief))
  })

  test.serial(
    `${name}: the list of devices opens from a mail, signed out, remembered or signed in`,
    async t => {
      const { email } = await person(world)
      const url = `${auth}/account/sessions`
      const browser = new Browser()
      const asked = await browser.request(url)
      t.is(asked.headers.location, '/signin?return_to=%2Faccount%2Fsessions')
      const signIn = auth + asked.headers.location
      const page = await submitForm(browser, signIn, { email, password: GOOD_PASSWORD })
      t.true(page.body.includes(`href="${url}"`), 'and back')
      t.regex((await browser.request(url)).body, /this device/)

      const remembered = await signedIn(world, email, { remember: true })
      const cookie = remembered.cookie(auth, 'carnet-remember') ?? ''
      await postJson(remembered, `${auth}/account/profile`, { name: 'Lin' })
      remembered.forget(auth)
      remembered.plant(auth, 'carnet-remember', cookie)
      t.regex((await remembered.request(url)).body, /this device/)
    },
  )

  test.serial(`${name}: the owner is told of a new password: when, where, and what to do`, async t => {
    const { email } = await person(world)
    const browser = await signedIn(world, email)
    const body = { password: NEW_PASSWORD, passwordAgain: NEW_PASSWORD }
    t.is((await postJson(browser, `${auth}/account/password`, body)).status, 200)
    const mail = await mailTo(world, email, /password .* was changed/)
    const year = new Date().getUTCFullYear()
    for (const text of ['Firefox on Linux', '127.0.0.*', String(year), 'UTC', `${auth}/password/forgot`]) {
      t.true(mail.text.includes(text), text)
      t.true(mail.html.includes(text), text)
    }

    await postJson(new Browser(), `${auth}/password/forgot`, { email })
    const reset = await mailTo(world, email, /Choose a new password/)
    const token = new URL(linkIn(reset)).searchParams.get('token')
    const other = new Browser({
      userAgent: 'Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0',
    })
    const again = { token, password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
    const headers = { 'accept-language': 'zh-CN' }
    t.is((await postJson(other, `${auth}/password/reset`, again, headers)).status, 200)
    const told = await mailTo(world, email, /Firefox on Windows/)
    t.true(told.text.includes('密码已更改'), 'by a mailed link too, in the language of the person')
    t.true(told.text.includes('127.0.0.*'))
  })

  test.serial(
    `${name}: a new address is told at the old one, before and after, and nowhere else`,
    async t => {
      const { email } = await person(world)
      const browser = await signedIn(world, email)
      const next = address()
      t.is((await postJson(browser, `${auth}/account/email`, { email: next })).status, 200)
      const asked = await mailTo(world, email, new RegExp(`to change its address to ${next}`))
      const link = await mailTo(world, next, /Confirm your new/)
      t.is((await submitForm(browser, linkIn(link), {})).status, 200)
      const made = await mailTo(world, email, new RegExp(`is now ${next}`))
      for (const { text } of [asked, made])
        for (const part of ['Firefox on Linux', '127.0.0.*', 'UTC']) t.true(text.includes(part), part)
      t.true(asked.text.includes(`${auth}/password/forgot`))
      t.true(made.text.includes(`${auth}/account/sessions`))
      t.deepEqual(
        (await mailsTo(world, next)).map(({ subject }) => subject),
        [link.subject],
      )
    },
  )

  test.serial(
    `${name}: who deletes the account gets a last mail, and then nothing of it is kept`,
    async t => {
      const { email } = await person(world)
      const browser = await signedIn(world, email)
      await postJson(new Browser(), `${auth}/password/forgot`, { email })
      await mailTo(world, email, /Choose a new password/)
      t.is((await postJson(browser, `${auth}/account/delete`, {})).status, 200)
      const mail = await mailTo(world, email, /was deleted/)
      for (const part of ['Firefox on Linux', '127.0.0.*', 'UTC']) t.true(mail.text.includes(part), part)
      t.notRegex(mail.text, /Lin\b(?!ux)/)
      const { database } = world.service.desk
      await until(async () => {
        const rows = await database.selectFrom('outbox').selectAll().where('address', '=', email).execute()
        return rows.length === 0
      })
    },
  )

  test.serial(
    `${name}: what matters asks for a password of this session and of the last 10 minutes`,
    async t => {
      const { id, email } = await person(world)
      const pages = ['/account/email', '/account/password', '/account/export', '/account/delete']
      const deeds: [string, Record<string, string>][] = [
        ['/account/email', { email: address() }],
        ['/account/password', { password: NEW_PASSWORD, passwordAgain: NEW_PASSWORD }],
        ['/account/delete', {}],
      ]
      const old = await signedIn(world, email)
      const giver = await signedIn(world, email, { remember: true })
      const remembered = new Browser()
      remembered.plant(auth, 'carnet-remember', giver.cookie(auth, 'carnet-remember') ?? '')
      t.true(await isIn(world, remembered))
      t.is((await remembered.request(`${auth}/account/sessions`)).status, 200)

      const refused = async (browser: Browser, who: string) => {
        for (const path of pages) {
          const signIn = `/signin?return_to=${encodeURIComponent(path)}&max_age=600`
          t.is((await browser.request(auth + path)).headers.location, signIn, `${who}: ${path}`)
          const program = await browser.request(auth + path, json)
          t.is(program.status, 401, `${who}: ${path}`)
          t.is(jsonOf(program).error, 'signed_out')
        }
        for (const [path, fields] of deeds) {
          const form = await browser.submit(`${auth}/account`, path, fields)
          t.is(form.status, 303, `${who}: ${path}`)
          t.regex(form.headers.location ?? '', /^\/signin\?return_to=.*&max_age=600$/, `${who}: ${path}`)
          t.is((await postJson(browser, auth + path, fields)).status, 401, `${who}: ${path}`)
        }
        t.not(await world.service.users.find({ id }), null, who)
        t.like(await world.service.users.find({ id }), { user: { email }, epoch: 0 }, who)
      }
      await refused(remembered, 'remembered')
      for (const path of pages) t.is((await old.request(auth + path, json)).status, 200, path)
      const back = putForward(world.store, OLD_MS)
      try {
        t.is((await old.request(`${auth}/account/sessions`)).status, 200)
        await refused(old, 'long ago')
        const again = { email, password: GOOD_PASSWORD }
        t.is((await postJson(old, `${auth}/signin`, again)).status, 200)
        for (const path of pages) t.is((await old.request(auth + path, json)).status, 200, path)
      } finally {
        back()
      }
    },
  )
}
