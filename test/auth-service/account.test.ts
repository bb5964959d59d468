import { Browser } from '@carnet/demo/browser'
import { CarnetError } from '@carnet/protocol'
import test from 'ava'
import {
  GOOD_PASSWORD,
  jsonOf,
  linkIn,
  type Mail,
  mailsTo,
  mailTo,
  signUp,
  submitForm,
  tokenIn,
} from '../support/accounts.ts'
import { startBothWorlds } from '../support/both-worlds.ts'
import { until } from '../support/until.ts'
import { postJson, type World, whoAt } from '../support/world.ts'

const both = await startBothWorlds()
const { worlds } = both
test.after.always(() => both.close())

const NEW_PASSWORD = 'eleven quiet rivers bend'
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

let people = 0
const address = () => `person${people++}@example.com`

async function person(world: World, emailVerified = true): Promise<{ id: string; email: string }> {
  return world.service.users.add({ email: address(), password: GOOD_PASSWORD, name: 'Lin', emailVerified })
}

function signIn(world: World, browser: Browser, email: string, password = GOOD_PASSWORD) {
  return postJson(browser, `${world.auth}/signin`, { email, password })
}

async function signedIn(world: World, email: string, userAgent = LINUX): Promise<Browser> {
  const browser = new Browser({ userAgent })
  const reply = await signIn(world, browser, email)
  if (reply.status !== 200) throw new Error(reply.body)
  return browser
}

const json = { headers: { accept: 'application/json' } }

for (const [name, world] of Object.entries(worlds)) {
  const { auth, shop, news } = world

  test.serial(
    `${name}: a forgotten password is reset by mail, once, which signs out everywhere and nobody in`,
    async t => {
      const { email } = await person(world, false)
      const browser = await signedIn(world, email)
      await browser.visit(`${shop}/members`)
      const other = new Browser()
      const asked = await submitForm(other, `${auth}/password/forgot`, { email: email.toUpperCase() })
      t.is(asked.status, 200)
      const mail = await mailTo(world, email, /Choose a new password/)
      const page = await other.request(linkIn(mail))
      t.is(page.headers['referrer-policy'], 'no-referrer')
      t.is(await whoAt(browser, shop), email, 'looking changes nothing')
      const short = await submitForm(other, linkIn(mail), { password: 'short', passwordAgain: 'short' })
      t.is(short.headers.location, new URL(linkIn(mail)).pathname + new URL(linkIn(mail)).search)
      t.regex((await other.request(linkIn(mail))).body, /id="password-error"/)
      const set = await submitForm(other, linkIn(mail), {
        password: NEW_PASSWORD,
        passwordAgain: NEW_PASSWORD,
      })
      t.is(set.headers.location, '/signin')
      t.regex((await other.request(`${auth}/signin`)).body, /role="status"[^>]*>The new password is set/)
      t.is(other.cookie(auth, 'carnet'), null)
      t.is(await whoAt(browser, shop), 'signed_out')
      t.is((await signIn(world, new Browser(), email)).status, 401)
      const again = await signIn(world, new Browser(), email, NEW_PASSWORD)
      t.like(jsonOf(again).data?.['user'], { emailVerified: true }, 'the mail has proven the address')
      const reset = { token: tokenIn(mail), password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
      t.is(jsonOf(await postJson(other, `${auth}/password/reset`, reset)).error, 'invalid_input')
      t.is((await other.request(linkIn(mail))).status, 400)
      await mailTo(world, email, /password .* was changed/)
    },
  )

  test.serial(`${name}: a reset link dies with a password change, and is good for nothing else`, async t => {
    const { email, id } = await person(world)
    await postJson(new Browser(), `${auth}/password/forgot`, { email })
    const token = tokenIn(await mailTo(world, email, /Choose a new password/))
    t.is(
      (await postJson(new Browser(), `${auth}/verify-email`, { token, password: GOOD_PASSWORD })).status,
      400,
    )
    await world.service.users.setPassword(id, NEW_PASSWORD, 0)
    const reset = { token, password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
    t.is((await postJson(new Browser(), `${auth}/password/reset`, reset)).status, 400)
    for (const forged of ['', 'x', `${token}x`, token.split('.').slice(0, 2).join('.'), 'e'.repeat(5_000)])
      t.is((await postJson(new Browser(), `${auth}/password/reset`, { ...reset, token: forged })).status, 400)
    t.is((await signIn(world, new Browser(), email, NEW_PASSWORD)).status, 200)
  })

  test.serial(`${name}: a reset link dies with the address that it went to`, async t => {
    const { email, id } = await person(world)
    await postJson(new Browser(), `${auth}/password/forgot`, { email })
    const mail = await mailTo(world, email, /Choose a new password/)
    await world.service.users.change(id, { email: address() })
    t.is((await new Browser().request(linkIn(mail))).status, 400)
    const reset = { token: tokenIn(mail), password: NEW_PASSWORD, passwordAgain: NEW_PASSWORD }
    t.is((await postJson(new Browser(), `${auth}/password/reset`, reset)).status, 400)
  })

  test.serial(`${name}: of parallel resets by one link one wins`, async t => {
    const { email } = await person(world)
    await postJson(new Browser(), `${auth}/password/forgot`, { email })
    const token = tokenIn(await mailTo(world, email, /Choose a new password/))
    const replies = await Promise.all(
      [1, 2, 3, 4].map(n => {
        const password = `a fine password number ${n}`
        return postJson(new Browser(), `${auth}/password/reset`, { token, password, passwordAgain: password })
      }),
    )
    t.deepEqual(replies.map(({ status }) => status).sort(), [200, 400, 400, 400])
  })

  test.serial(`${name}: a changed name is known in all live sessions at once, at every site`, async t => {
    const { email } = await person(world)
    const browser = await signedIn(world, email)
    await browser.visit(`${shop}/members`)
    await browser.visit(`${news}/members`)
    const reply = await submitForm(browser, `${auth}/account`, { name: 'Lin "L" Müller' })
    t.is(reply.headers.location, '/account')
    t.regex((await browser.request(`${auth}/account`)).body, /role="status"[^>]*>Saved/)
    for (const site of [shop, news])
      t.like(jsonOf(await browser.request(`${site}/api/session`)).data?.['user'], { name: 'Lin "L" Müller' })
    t.is((await postJson(browser, `${auth}/account/profile`, { name: 'x', roles: ['admin'] })).status, 400)
    t.is((await postJson(browser, `${auth}/account/profile`, { name: '' })).status, 400)
  })

  test.serial(
    `${name}: a new address is confirmed there and told at the old one, and then holds everywhere`,
    async t => {
      const { email } = await person(world)
      const browser = await signedIn(world, email)
      await browser.visit(`${shop}/members`)
      const fresh = address()
      const asked = await submitForm(browser, `${auth}/account/email`, { email: fresh })
      t.is(asked.headers.location, '/account')
      await mailTo(world, email, new RegExp(`asked to change its address to ${fresh}`))
      const mail = await mailTo(world, fresh, /Confirm your new/)
      t.is(await whoAt(browser, shop), email, 'not yet')
      const stranger = new Browser()
      t.regex((await stranger.request(linkIn(mail))).body, /name="password"/)
      const confirmed = await submitForm(browser, linkIn(mail), {})
      t.is(confirmed.status, 200)
      t.is(await whoAt(browser, shop), fresh)
      t.is((await browser.request(linkIn(mail))).status, 400)
      await mailTo(world, email, new RegExp(`is now ${fresh}`))
      t.is((await signIn(world, new Browser(), email)).status, 401)
      t.is((await signIn(world, new Browser(), fresh)).status, 200)
    },
  )

  test.serial(`${name}: links to other new addresses die with the change of the address`, async t => {
    const { email, id } = await person(world)
    const browser = await signedIn(world, email)
    const ask = async () => {
      const fresh = address()
      t.is((await postJson(browser, `${auth}/account/email`, { email: fresh })).status, 200)
      return { fresh, mail: await mailTo(world, fresh, /Confirm your new/) }
    }
    const confirm = (mail: Mail) => postJson(browser, `${auth}/verify-email`, { token: tokenIn(mail) })
    const [theirs, mine] = [await ask(), await ask()]
    t.is((await confirm(mine.mail)).status, 200)
    t.is((await browser.request(linkIn(theirs.mail))).status, 400)
    t.is((await confirm(theirs.mail)).status, 400)
    t.is((await world.service.users.find({ id }))?.user.email, mine.fresh)
    const undated = { userId: id, email: address(), epoch: 0 }
    const token = await world.service.desk.tokens.mint('change-email', undated)
    t.is(
      (await postJson(browser, `${auth}/verify-email`, { token })).status,
      400,
      'without the address before',
    )
    const parallel = [await ask(), await ask(), await ask()]
    const replies = await Promise.all(parallel.map(({ mail }) => confirm(mail)))
    t.deepEqual(replies.map(({ status }) => status).sort(), [200, 400, 400])
    const expected = { epoch: 0, email: mine.fresh }
    t.is(await world.service.users.change(id, { email: address() }, expected), null, 'no longer so')
  })

  test.serial(
    `${name}: a new address that is taken, or the same, or refused by its owner, changes nothing`,
    async t => {
      const [one, two] = [await person(world), await person(world)]
      const browser = await signedIn(world, one.email)
      const change = (email: string) => postJson(browser, `${auth}/account/email`, { email })
      t.is(jsonOf(await change(two.email)).error, 'email_taken')
      t.is(jsonOf(await change(one.email)).error, 'invalid_input')
      t.is(jsonOf(await change('no address')).error, 'invalid_input')
      const fresh = address()
      t.is((await change(fresh)).status, 200)
      const mail = await mailTo(world, fresh, /Confirm your new/)
      const denied = await submitForm(new Browser(), linkIn(mail), { deny: '1' }, 1)
      t.regex(denied.body, /Nothing was changed/)
      t.is((await browser.request(linkIn(mail))).status, 400)
      t.not(await world.service.users.find({ email: one.email }), null)
      const later = address()
      t.is((await change(later)).status, 200)
      const second = await mailTo(world, later, /Confirm your new/)
      await world.service.users.add({ email: later, password: GOOD_PASSWORD, name: 'Quick' })
      t.is((await postJson(browser, `${auth}/verify-email`, { token: tokenIn(second) })).status, 409)
    },
  )

  test.serial(
    `${name}: the list of devices says where, since when and at which sites, and ends one, the others, or all`,
    async t => {
      const { email, id } = await person(world)
      const first = await signedIn(world, email)
      const second = await signedIn(world, email, '')
      const third = await signedIn(world, email)
      await first.visit(`${shop}/members`)
      await until(async () =>
        (await world.service.sessions.list(id)).some(({ sites }) => sites.includes('shop')),
      )
      const list = async (browser: Browser) =>
        (jsonOf(await browser.request(`${auth}/account/sessions`, json)).data?.['sessions'] ?? []) as {
          id: string
          device: string
          address: string
          sites: string[]
          current: boolean
        }[]
      const [...all] = await list(first)
      t.is(all.length, 3)
      const own = all.find(({ current }) => current)
      t.like(own, { device: 'Firefox on Linux', address: '127.0.0.*', sites: ['shop'] })
      t.is(all.filter(({ current }) => current).length, 1)
      const page = await first.request(`${auth}/account/sessions`)
      for (const text of ['this device', 'Firefox on Linux', 'Unknown device', '127.0.0.*', 'Shop'])
        t.true(page.body.includes(text), text)
      t.false(page.body.includes(first.cookie(auth, 'carnet')?.split('.')[0] ?? 'x'), 'no sid leaves')

      const ofThird = (await list(third)).find(({ current }) => current)?.id ?? ''
      t.is((await postJson(first, `${auth}/account/sessions`, { end: ofThird })).status, 200)
      t.is((await list(first)).length, 2)
      t.is((await third.request(`${auth}/account`, json)).status, 401)
      const stranger = await signedIn(world, (await person(world)).email)
      const foreign = await postJson(stranger, `${auth}/account/sessions`, { end: own?.id })
      t.is(foreign.status, 404)
      t.is((await list(first)).length, 2, 'a stranger’s word ends none of mine')
      await postJson(first, `${auth}/account/sessions`, { end: 'others' })
      t.is((await second.request(`${auth}/account`, json)).status, 401)
      t.is((await list(first)).length, 1)
      const everywhere = await submitForm(first, `${auth}/account/sessions`, { end: 'everywhere' }, 1)
      t.is(everywhere.headers.location, '/signin')
      t.is(await whoAt(first, shop), 'signed_out')
      t.is(first.cookie(auth, 'carnet'), null)
    },
  )

  test.serial(`${name}: the export has all that is stored about the person, and no secret`, async t => {
    const { email } = await person(world)
    const browser = new Browser({ userAgent: LINUX })
    await postJson(browser, `${auth}/signin`, { email, password: GOOD_PASSWORD, remember: true })
    await postJson(browser, `${auth}/password/forgot`, { email })
    const reply = await browser.request(`${auth}/account/export`)
    t.regex(String(reply.headers['content-disposition']), /attachment; filename="account.json"/)
    const data = JSON.parse(reply.body) as Record<string, unknown[]> & { user: object }
    t.like(data.user, { email, name: 'Lin', emailVerified: true })
    t.deepEqual([data['sessions']?.length, data['remembered']?.length, data['mails']?.length], [1, 1, 2])
    t.notRegex(reply.body, /hash|\$2b|token|sid"/)
  })

  test.serial(`${name}: who deletes the account is gone at once, with all that hung on it`, async t => {
    const { email, id } = await person(world)
    const browser = await signedIn(world, email)
    const other = await signedIn(world, email)
    await other.visit(`${shop}/members`)
    t.regex((await browser.request(`${auth}/account/delete`)).body, /Delete your account/)
    const reply = await submitForm(browser, `${auth}/account/delete`, {})
    t.is(reply.headers.location, '/signin')
    t.regex((await browser.request(`${auth}/signin`)).body, /Your account is deleted/)
    t.is(await world.service.users.find({ id }), null)
    t.is(await whoAt(other, shop), 'signed_out')
    t.is((await signIn(world, new Browser(), email)).status, 401)
    t.is((await signUp(world, new Browser(), email)).status, 200, 'the address is free')
  })

  test.serial(
    `${name}: a new password is judged, ends the other sessions, and keeps this browser in under a new sid`,
    async t => {
      const { email } = await person(world)
      const browser = await signedIn(world, email)
      const other = await signedIn(world, email)
      const before = browser.cookie(auth, 'carnet')
      const change = (password: string, passwordAgain = password) =>
        postJson(browser, `${auth}/account/password`, { password, passwordAgain })
      t.truthy(jsonOf(await change('too short')).fields?.['password'])
      t.truthy(jsonOf(await change(NEW_PASSWORD, `${NEW_PASSWORD}!`)).fields?.['passwordAgain'])
      t.truthy(jsonOf(await change(`${email} ${email}`)).fields?.['password'])
      t.is((await change(NEW_PASSWORD)).status, 200)
      t.not(browser.cookie(auth, 'carnet'), before)
      t.is((await browser.request(`${auth}/account`, json)).status, 200)
      t.is((await other.request(`${auth}/account`, json)).status, 401)
      await mailTo(world, email, /password .* was changed/)
      t.true((await mailsTo(world, email)).length >= 1)
    },
  )

  test.serial(`${name}: the account is for who is signed in`, async t => {
    for (const path of [
      '/account',
      '/account/email',
      '/account/password',
      '/account/sessions',
      '/account/export',
      '/account/delete',
    ]) {
      const page = await new Browser().request(auth + path)
      t.is(page.headers.location, `/signin?return_to=${encodeURIComponent(path)}`)
      t.is((await new Browser().request(auth + path, json)).status, 401, path)
    }
    for (const path of [
      '/account/profile',
      '/account/email',
      '/account/password',
      '/account/sessions',
      '/account/delete',
    ])
      t.is((await postJson(new Browser(), auth + path, {})).status, 401, path)
  })

  test.serial(`${name}: a disabled user is out everywhere, and not let in`, async t => {
    const { email, id } = await person(world)
    const browser = await signedIn(world, email)
    await browser.visit(`${shop}/members`)
    await world.service.users.change(id, { disabled: true, newEpoch: true })
    await world.service.sessions.end(id, 'all')
    t.is(await whoAt(browser, shop), 'signed_out')
    const wrong = await signIn(world, new Browser(), email)
    t.is(wrong.body, (await signIn(world, new Browser(), address())).body)
    await world.service.users.change(id, { disabled: false })
    t.is((await signIn(world, new Browser(), email)).status, 200)
  })

  test.serial(`${name}: a sign-in that races a disabling lets nobody in`, async t => {
    const { email, id } = await person(world)
    for (let round = 0; round < 10; round++) {
      await world.service.users.change(id, { disabled: false })
      const browser = new Browser()
      await Promise.all([
        signIn(world, browser, email),
        (async () => {
          await world.service.users.change(id, { disabled: true, newEpoch: true })
          await world.service.sessions.end(id, 'all')
        })(),
      ])
      t.is((await browser.request(`${auth}/account`, json)).status, 401)
      t.deepEqual(await world.service.sessions.list(id), [])
    }
  })

  test.serial(`${name}: a password that is being set when the sessions end is not set`, async t => {
    const { email, id } = await person(world)
    const thief = await signedIn(world, email)
    const { users } = world.service
    const hash = users.hash.bind(users)
    users.hash = async password => {
      const made = await hash(password)
      if (password === 'what the thief would like') {
        users.hash = hash
        await users.setPassword(id, NEW_PASSWORD, 0)
        await world.service.sessions.end(id, 'all')
      }
      return made
    }
    const wanted = { password: 'what the thief would like', passwordAgain: 'what the thief would like' }
    t.is((await postJson(thief, `${auth}/account/password`, wanted)).status, 401)
    t.is((await signIn(world, new Browser(), email, NEW_PASSWORD)).status, 200)
  })

  test.serial(`${name}: what voids sessions ends them, also where nobody came to end them`, async t => {
    const { email, id } = await person(world)
    for (const change of [
      () => world.service.users.change(id, { disabled: true }),
      () => world.service.users.change(id, { disabled: false, newEpoch: true }),
      () => world.service.users.setPassword(id, GOOD_PASSWORD, 1),
    ]) {
      await world.service.users.change(id, { disabled: false })
      const browser = await signedIn(world, email)
      await browser.visit(`${shop}/members`)
      t.is(await whoAt(browser, shop), email)
      await change()
      await until(async () => (await whoAt(browser, shop)) === 'signed_out')
    }
  })

  test.serial(`${name}: a change that comes between a session's row and its start is not missed`, async t => {
    const { email, id } = await person(world)
    await world.service.users.change(id, { roles: ['admin'] })
    const { store } = world
    const start = store.start.bind(store)
    store.start = async (...given) => {
      store.start = start
      await world.service.users.change(id, { roles: [] })
      await world.service.sessions.follow()
      return start(...given)
    }
    const browser = await signedIn(world, email)
    await browser.visit(`${shop}/members`)
    t.like(jsonOf(await browser.request(`${shop}/api/session`)).data?.['user'], { roles: [] })
  })

  test.serial(`${name}: an account is deleted in one step, also while the store is away`, async t => {
    const { email, id } = await person(world)
    const browser = await signedIn(world, email)
    await browser.visit(`${shop}/members`)
    const { store } = world
    const revoke = store.revoke.bind(store)
    store.revoke = async () => {
      throw new CarnetError('store_unavailable', 'away')
    }
    const reply = await postJson(browser, `${auth}/account/delete`, {})
    store.revoke = revoke
    t.is(reply.status, 503, 'nobody is told that the sessions have ended before they have')
    t.is(await world.service.users.find({ id }), null)
    await until(async () => (await whoAt(browser, shop)) === 'signed_out')
    t.is((await browser.visit(`${auth}/account`)).status, 200, 'and nobody goes round in circles')
    t.is((await signUp(world, new Browser(), email)).status, 200)
  })

  test.serial(`${name}: of parallel asks for a mail one is sent`, async t => {
    const { email } = await person(world)
    const ask = () => postJson(new Browser(), `${auth}/password/forgot`, { email })
    const { outbox } = world.service.desk
    const asked = outbox.asked.bind(outbox)
    let waiting = 0
    // All have looked before the first one writes.
    outbox.asked = async (...given) => {
      const seen = await asked(...given)
      waiting++
      await until(() => waiting === 12)
      return seen
    }
    const replies = await Promise.all(Array.from({ length: 12 }, ask))
    outbox.asked = asked
    t.is(replies.filter(({ status }) => status === 200).length, 1)
    t.true(replies.every(({ status }) => status === 200 || status === 429))
    await mailTo(world, email, /Choose a new password/)
    t.is((await mailsTo(world, email)).length, 1)
  })
}
