// What OWASP ASVS 5.0 asks for beyond the threats: see docs/security.md.
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { linkIn, mailTo } from '../support/accounts.ts'
import { postJson, startWorld } from '../support/world.ts'
import { enteredBrowser, newPerson } from './world.ts'

const world = await startWorld()
test.after.always(() => world.close())

test('password fields are masked, hinder no password manager, and hold nothing', async t => {
  const { auth } = world
  const person = await newPerson(world)
  await postJson(new Browser(), `${auth}/password/forgot`, { email: person.email })
  const reset = linkIn(await mailTo(world, person.email, /\/password\/reset\?/))
  const browser = await enteredBrowser(world, person)
  const newPasswords = ['new-password', 'new-password']
  for (const [page, expected, who] of [
    [`${auth}/signin`, ['current-password'], new Browser()],
    [`${auth}/signup`, newPasswords, new Browser()],
    [reset, newPasswords, new Browser()],
    [`${auth}/account/password`, newPasswords, browser],
  ] as const) {
    const { body } = await who.request(page)
    const fields = [...body.matchAll(/<input id="password[^>]*>/g)].map(([field]) => field)
    t.deepEqual(
      fields.map(field => /autocomplete="([\w-]+)"/.exec(field)?.[1]),
      [...expected],
      page,
    )
    for (const field of fields) {
      t.regex(field, / type="password" value="" /)
      t.notRegex(field, /maxlength|onpaste|readonly/)
    }
    t.regex(body, /autocomplete="username"/)
  }
})
