import { ADA } from '@carnet/demo'
import { Browser } from '@carnet/demo/browser'
import { clientOf, HttpRequests, parseSecrets, parseTrustProxy, siteSecrets } from '@carnet/protocol'
import test from 'ava'
import { GOOD_PASSWORD, jsonOf } from '../support/accounts.ts'
import { postJson, signedIn, startWorld, viaOf, whoAt } from '../support/world.ts'

const secrets = parseSecrets('a secret of the tests that is long enough')
const adjust = (yaml: string) =>
  yaml.replace('id: shop,', 'id: shop, signInForm: true,').replace('fanOut: pull', 'fanOut: push')
const world = await startWorld({ adjust, overHttp: true, secrets })
const { auth, shop } = world
test.after.always(() => world.close())

test('a site with a form of its own opens the auth service for nobody who only came by', async t => {
  const victim = await signedIn(world)
  t.is(viaOf(await victim.visit(`${shop}/`)), 'push')
  const [sid = ''] = (victim.cookie(shop, 'carnet') ?? '').split('.', 1)
  const [secret = '', ...older] = siteSecrets(secrets, 'shop')
  const hostile = new HttpRequests(auth, { site: 'shop', secrets: [secret, ...older] })
  t.teardown(() => hostile.close())
  const mallory = new Browser()
  const begun = await mallory.request(`${auth}/takeover?site=shop`)
  const state = new URL(begun.headers.location ?? '').searchParams.get('state')
  const client = clientOf(
    { peer: '127.0.0.1', headers: { 'user-agent': 'carnet-demo/1.0' } },
    parseTrustProxy('none'),
  )
  t.is((await hostile.ask('GET', `/v1/sessions/${sid}`)).status, 200, 'it may know who comes by')
  t.like(await hostile.ask('POST', '/v1/tickets', { sid, state, client }), { error: 'session_gone' })
})

test('nobody is brought into a stranger’s session at the auth service by way of a pushed claim', async t => {
  const email = 'mallory@example.com'
  await world.service.users.add({ email, password: GOOD_PASSWORD, name: 'Mal', emailVerified: true })
  const form = { email, password: GOOD_PASSWORD }
  const pushed = await postJson(new Browser(), `${shop}/api/signin`, form, { origin: shop })
  const { ticket } = jsonOf(pushed).data as { ticket: string }
  const victim = await signedIn(world)
  victim.forget(shop)
  const held = victim.cookie(auth, 'carnet')
  const image = await victim.image(`${shop}/api/auth.gif?ticket=${ticket}`, 'http://evil.localhost/')
  t.is(image.status, 200)
  await victim.visit(`${shop}/`)
  t.is(await whoAt(victim, shop), email, 'no other session was in its place')
  await victim.follow(`${auth}/takeover?site=shop`)
  t.is(victim.cookie(auth, 'carnet'), held)
  t.regex((await victim.request(`${auth}/account`)).body, new RegExp(ADA.email))
})
