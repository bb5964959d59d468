import { setTimeout as sleep } from 'node:timers/promises'
import {
  CarnetError,
  MemoryStore,
  newSid,
  parseManifest,
  parseSecrets,
  type SessionRecord,
  Signer,
  sessionHandle,
  signSid,
  startSession,
  type Touch,
  type User,
  type Watch,
  type Watcher,
} from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import test from 'ava'
import { SessionCache } from '../../packages/site-agent/src/session-cache.ts'
import { ada } from '../support/people.ts'
import { until } from '../support/until.ts'

const LIFE = { idle: 60_000, absolute: 3_600_000 }
const { idle } = LIFE
const signer = new Signer(parseSecrets('x'.repeat(32)), 'shop')

/** A store in memory whose link, reads and touches a test holds in its hands. */
class HeldStore extends MemoryStore {
  watcher: Watcher = { forget: () => {}, forgetAll: () => {} }
  /** For each first digit whether the link is current. */
  current: boolean[] = Array.from({ length: 16 }, () => true)
  reads = 0
  /** How often touches went out. */
  trips = 0
  /** The sids that were touched. */
  touched: string[] = []
  isAway = false
  /** Reads wait for this, having read already. */
  gate: Promise<void> = Promise.resolve()
  touchGate: Promise<void> = Promise.resolve()

  override watch(watcher: Watcher): Watch {
    this.watcher = watcher
    const isCurrent = (digit: number) => this.current[digit] ?? false
    return { isCurrent, currentFor: digit => (isCurrent(digit) ? 1_000 : 0), stop: async () => {} }
  }

  override async read(sid: string): Promise<SessionRecord | null> {
    this.reads++
    if (this.isAway) throw new CarnetError('store_unavailable', 'away')
    const record = await super.read(sid)
    await this.gate
    return record
  }

  override async touch(touches: readonly Touch[]): Promise<boolean[]> {
    this.touched.push(...touches.map(({ sid }) => sid))
    this.trips++
    await this.touchGate
    if (this.isAway) throw new CarnetError('store_unavailable', 'away')
    return super.touch(touches)
  }

  /** Until `open` is called, what was read is not answered. */
  hold(): () => void {
    let open = () => {}
    this.gate = new Promise(resolve => {
      open = resolve
    })
    return open
  }
}

async function held({ sessions = 100, staleFor = 0 } = {}) {
  const store = new HeldStore()
  const cache = new SessionCache(store, { sessions, staleFor })
  const begin = async (user: User = ada, life = LIFE, sid = newSid()) => {
    await startSession(store, user, life, { sid })
    return { sid, cookie: signSid(signer, sid), handle: sessionHandle(sid) }
  }
  /** As the hot path does, for a cookie whose signature is good: from memory, else from the store. */
  const check = async (cookie: string, idleTime = idle) =>
    cache.find(cookie, idleTime) ?? (await cache.read(cookie, cookie.slice(0, 32), idleTime))
  return { store, cache, begin, check }
}

/** A sid whose handle begins with a digit. */
function sidOfDigit(digit: number): string {
  for (;;) {
    const sid = newSid()
    if (Number.parseInt(sessionHandle(sid).charAt(0), 16) === digit) return sid
  }
}

test('a warm check reads nothing, computes no signature, and gives the same session', async t => {
  const store = new HeldStore()
  const manifest = parseManifest(
    'auth: http://auth.localhost\nsites: [{ id: shop, origin: "http://shop.localhost" }]',
    'm',
  )
  const agent = await createAgent({ site: 'shop', manifest, secrets: 'x'.repeat(32), store })
  t.teardown(() => agent.close())
  const { sid, session } = await startSession(store, ada, LIFE)
  const headers = { cookie: `carnet=${signSid(signer, sid)}` }
  const ask = () => agent.handle({ method: 'GET', target: '/', headers, peer: '127.0.0.1' })
  const first = ask()
  t.true(first instanceof Promise)
  const cold = await first
  const verify = Signer.prototype.verify
  t.teardown(() => {
    Signer.prototype.verify = verify
  })
  Signer.prototype.verify = () => t.fail('a signature was computed') as never
  const warm = ask()
  if (warm instanceof Promise) return t.fail('a warm check is answered at once')
  t.is(store.reads, 1)
  t.deepEqual(warm.answer === null && warm.visit.session, cold.answer === null && cold.visit.session)
  t.like(warm.answer === null && warm.visit.session, { user: ada, startedAt: session.startedAt })
})

test('a forged cookie beside a known session opens nothing', async t => {
  const { cache, begin, check } = await held()
  const { cookie, sid } = await begin()
  await check(cookie)
  t.is(cache.find(`${sid}.${'A'.repeat(43)}`, idle), null)
  t.is(cache.find(sid, idle), null)
  t.is(cache.find(`${cookie} `, idle), null)
})

test('a session that is to be forgotten is read again, and one that is gone is nobody', async t => {
  const { store, begin, check } = await held()
  const { cookie, handle, sid } = await begin()
  await check(cookie)
  store.watcher.forget(handle)
  t.like(await check(cookie), { sid })
  t.is(store.reads, 2)
  await store.revoke(sid, { rememberUntil: 0, noted: true })
  t.like(await check(cookie), { sid }, 'nobody has said so yet')
  store.watcher.forget(handle)
  t.is(await check(cookie), null)
  t.is(await check(cookie), null)
})

test('what is no handle forgets nothing and throws nothing', async t => {
  const { store, begin, check } = await held()
  const { cookie } = await begin()
  await check(cookie)
  for (const word of ['', 'zz', '{}', '\n']) store.watcher.forget(word)
  await check(cookie)
  t.is(store.reads, 1)
})

test('a session that is forgotten while it is being read is read again', async t => {
  const { store, begin, check } = await held()
  const { cookie, handle, sid } = await begin()
  const open = store.hold()
  const checking = check(cookie)
  await until(() => store.reads === 1)
  store.watcher.forget(handle)
  await store.revoke(sid, { rememberUntil: 0, noted: true })
  store.watcher.forget(handle)
  const late = check(cookie)
  open()
  t.is(await checking, null)
  t.is(await late, null, 'who comes after the change does not share a read from before it')
  t.is(await check(cookie), null)
})

test('a session that is changed all the time is told, and not kept', async t => {
  const { store, cache, begin, check } = await held()
  const { cookie, handle, sid } = await begin()
  const read = store.read.bind(store)
  store.read = async sid => {
    const record = await read(sid)
    store.watcher.forget(handle)
    return record
  }
  t.like(await check(cookie), { sid })
  t.is(cache.find(cookie, idle), null)
  t.true(store.reads < 10)
})

test('parallel checks of one session share a read, while the link is current', async t => {
  const { store, begin, check } = await held()
  const [one, other] = [await begin(), await begin()]
  await Promise.all([one, one, other, one, one].map(({ cookie }) => check(cookie)))
  t.is(store.reads, 2)
})

test('while the link is not current every check asks the store, also beside another', async t => {
  const { store, begin, check } = await held()
  const { cookie } = await begin()
  await check(cookie)
  store.current.fill(false)
  for (let count = 0; count < 3; count++) await check(cookie)
  t.is(store.reads, 4)
  await Promise.all([check(cookie), check(cookie), check(cookie)])
  t.is(store.reads, 7)
})

test('what was read before the link came back counts no longer', async t => {
  const { store, begin, check } = await held()
  const { cookie, sid } = await begin()
  await check(cookie)
  store.current.fill(false)
  const open = store.hold()
  const underWay = check(cookie)
  await until(() => store.reads === 2)
  await store.revoke(sid, { rememberUntil: 0, noted: true })
  store.watcher.forgetAll()
  store.current.fill(true)
  const late = check(cookie)
  open()
  t.is(await underWay, null)
  t.is(await late, null)
  t.is(await check(cookie), null)
})

test('a link that is current for some sessions only is believed for those', async t => {
  const { store, begin, check } = await held()
  const [low, high] = [await begin(ada, LIFE, sidOfDigit(3)), await begin(ada, LIFE, sidOfDigit(12))]
  for (const { cookie } of [low, high]) await check(cookie)
  store.current[12] = false
  for (const { cookie } of [low, high]) await check(cookie)
  t.is(store.reads, 3)
  await check(high.cookie)
  t.is(store.reads, 4)
})

test('a session is not told beyond its absolute end, though no touch is answered', async t => {
  const { store, cache, begin, check } = await held()
  store.touchGate = new Promise(() => {})
  const { cookie } = await begin(ada, { idle: 60_000, absolute: 400 })
  const startedAt = performance.now()
  t.not(await check(cookie), null)
  while (performance.now() - startedAt < 400) {
    if (cache.find(cookie, idle) === null) break
    await sleep(5)
  }
  await until(() => performance.now() - startedAt >= 401)
  t.is(cache.find(cookie, idle), null)
  t.is(await check(cookie), null)
})

test('a session of which no touch was answered is read again after a second', async t => {
  const { store, begin, check } = await held()
  store.touchGate = new Promise(() => {})
  const { cookie } = await begin()
  await check(cookie)
  await until(async () => {
    await check(cookie)
    return store.reads === 2
  }, 5_000)
  t.pass()
})

test('a session that nobody uses for its idle time is read again', async t => {
  const { store, cache, begin, check } = await held()
  const short = 600
  const { cookie } = await begin(ada, { idle: short, absolute: 60_000 })
  t.not(await check(cookie, short), null)
  await until(() => store.touched.length === 1)
  const touchedAt = performance.now()
  await until(() => performance.now() - touchedAt > short + 20)
  t.is(cache.find(cookie, short), null)
  t.is(await check(cookie, short), null)
})

test('a session that is used is touched, about four times in an idle time that is short, and lives', async t => {
  const { store, begin, check } = await held()
  const short = 800
  const { cookie, sid } = await begin(ada, { idle: short, absolute: 60_000 })
  const startedAt = performance.now()
  while (performance.now() - startedAt < 3 * short) {
    t.like(await check(cookie, short), { sid })
    await sleep(10)
  }
  t.true(store.touched.length >= 3)
  t.true(store.touched.length <= 4 * 3 + 2, `${store.touched.length} touches`)
})

test('a session is touched once a minute however often it is checked, and many go together', async t => {
  const { store, begin, check } = await held()
  const all = await Promise.all(Array.from({ length: 20 }, () => begin()))
  for (let count = 0; count < 5; count++) for (const { cookie } of all) await check(cookie)
  t.deepEqual(store.touched, [], 'nobody waits for a touch')
  await until(() => store.touched.length === 20)
  t.is(store.trips, 1)
  for (const { cookie } of all) await check(cookie)
  await sleep(120)
  t.is(store.touched.length, 20)
})

test('a touch that finds nothing drops the session', async t => {
  const { store, cache, begin, check } = await held()
  const { cookie, sid } = await begin()
  await check(cookie)
  await store.revoke(sid, { rememberUntil: 0, noted: true })
  t.not(cache.find(cookie, idle), null, 'the link said nothing')
  await until(() => cache.find(cookie, idle) === null)
  t.is(await check(cookie), null)
})

test('a touch that finds nothing drops the session for every cookie that opened it', async t => {
  const { store, cache, begin } = await held()
  const { cookie, sid } = await begin()
  const older = signSid(new Signer(parseSecrets('y'.repeat(32)), 'shop'), sid)
  for (const each of [cookie, older]) await cache.read(each, sid, idle)
  await store.revoke(sid, { rememberUntil: 0, noted: true })
  await until(() => cache.find(cookie, idle) === null)
  await until(() => cache.find(older, idle) === null, 2_000)
  t.pass()
})

test('two cookies of one session are told alike, touched once and forgotten together', async t => {
  const { store, cache, begin } = await held()
  const { cookie, sid, handle } = await begin()
  const older = signSid(new Signer(parseSecrets('y'.repeat(32)), 'shop'), sid)
  for (const each of [cookie, older]) await cache.read(each, sid, idle)
  t.deepEqual(cache.find(cookie, idle), cache.find(older, idle))
  t.like(cache.find(older, idle), { sid })
  await until(() => store.touched.length > 0)
  t.is(store.touched.length, 1)
  await until(() => store.touched.length > 0)
  store.watcher.forget(handle)
  t.is(cache.find(cookie, idle), null)
  t.is(cache.find(older, idle), null)
})

test('no more sessions are kept than were asked for: the one that was unused longest goes', async t => {
  const { cache, begin, check } = await held({ sessions: 3 })
  const [a, b, c, d] = [await begin(), await begin(), await begin(), await begin()]
  for (const { cookie } of [a, b, c, a, d]) await check(cookie)
  t.deepEqual(
    [a, b, c, d].map(({ cookie }) => cache.find(cookie, idle) !== null),
    [true, false, true, true],
  )
})

test('where none are to be kept, every check asks the store', async t => {
  const { store, cache, begin, check } = await held({ sessions: 0 })
  const { cookie, sid } = await begin()
  for (let count = 0; count < 3; count++) t.like(await check(cookie), { sid })
  t.is(store.reads, 3)
  t.is(cache.find(cookie, idle), null)
  await until(() => store.touched.length === 1)
  await check(cookie)
  await sleep(120)
  t.is(store.touched.length, 1)
})

const away = { code: 'store_unavailable' } as object

test('while the store is away nobody is signed in, unless that was asked for', async t => {
  const { store, begin, check } = await held()
  const { cookie } = await begin()
  await check(cookie)
  store.current.fill(false)
  store.isAway = true
  await t.throwsAsync(check(cookie), away)
})

test('sessions that were known are told for a while where that was asked for, and no others', async t => {
  const { store, begin, check } = await held({ staleFor: 2_000 })
  const [known, forgotten, unknown] = [await begin(), await begin(), await begin()]
  for (const { cookie } of [known, forgotten]) await check(cookie)
  await until(() => store.touched.length === 2)
  store.watcher.forget(forgotten.handle)
  const lastAt = performance.now()
  t.like(await check(known.cookie), { sid: known.sid })
  store.current.fill(false)
  store.isAway = true
  t.like(await check(known.cookie), { sid: known.sid })
  await t.throwsAsync(check(forgotten.cookie), away)
  await t.throwsAsync(check(unknown.cookie), away)
  await until(() =>
    check(known.cookie).then(
      () => false,
      () => true,
    ),
  )
  // It began when the link was last seen to be well, which is looked at ten times a second.
  t.true(performance.now() - lastAt >= 1_200)
  t.true(performance.now() - lastAt < 4_500)
})

test('a session whose time is over is not told while the store is away', async t => {
  const { store, begin, check } = await held({ staleFor: 60_000 })
  const [idler, ender] = [
    await begin(ada, { idle: 500, absolute: 60_000 }),
    await begin(ada, { idle, absolute: 500 }),
  ]
  t.not(await check(idler.cookie, 500), null)
  t.not(await check(ender.cookie), null)
  await until(() => store.touched.length === 2)
  const touchedAt = performance.now()
  t.not(await check(ender.cookie), null)
  store.current.fill(false)
  store.isAway = true
  await until(() => performance.now() - touchedAt > 520)
  await t.throwsAsync(check(idler.cookie, 500), away)
  await t.throwsAsync(check(ender.cookie), away)
})

test('the while begins when the link was lost, not when the site was last visited', async t => {
  const { store, begin, check } = await held({ staleFor: 1_500 })
  const { cookie, sid } = await begin()
  await check(cookie)
  await sleep(3_000)
  store.current.fill(false)
  store.isAway = true
  t.like(await check(cookie), { sid })
})

test('what is still told of other sessions keeps none alive whose own link is lost', async t => {
  const { store, begin, check } = await held({ staleFor: 500 })
  const [low, high] = [await begin(ada, LIFE, sidOfDigit(3)), await begin(ada, LIFE, sidOfDigit(12))]
  for (const { cookie } of [low, high]) await check(cookie)
  await until(() => store.touched.length === 2)
  store.current[12] = false
  store.isAway = true
  const lostAt = performance.now()
  await until(async () => {
    t.not(await check(low.cookie), null)
    return performance.now() - lostAt > 2_500
  })
  await t.throwsAsync(check(high.cookie), away)
})

test('a fault that is not the store’s absence is never covered up', async t => {
  const { store, cache, begin, check } = await held({ staleFor: 60_000 })
  const { cookie, sid } = await begin()
  await check(cookie)
  store.current.fill(false)
  store.read = async () => {
    throw new CarnetError('internal', 'unreadable')
  }
  await t.throwsAsync(cache.read(cookie, sid, idle), { code: 'internal' } as object)
})

const PEOPLE: Record<string, Partial<User>> = {
  'without roles': { roles: [] },
  'with one empty role': { roles: [''] },
  'with many roles': { roles: ['admin', 'éditeur', 'a b', ''] },
  'with a name in many scripts': { name: 'Ada “Ä” 爱达 🧮 \0\t\r\u2028' },
  'without name and address': { name: '', email: '' },
  'whose address is not confirmed': { emailVerified: false },
  'whose id looks like a number': { id: '0012' },
  'with a line break in the name': { name: 'Ada\nByron' },
  'with a line break in a role': { roles: ['a\nb'] },
  'with half a character in the name': { name: 'Ada \ud83d' },
}

for (const [what, change] of Object.entries(PEOPLE)) {
  test(`a person ${what} is told alike from the store and from memory`, async t => {
    const { check, begin } = await held()
    const user = { ...ada, ...change }
    const { cookie } = await begin(user)
    const cold = await check(cookie)
    const warm = await check(cookie)
    t.deepEqual(cold?.session.user, user)
    t.deepEqual(warm, cold)
  })
}

test('moments and the session’s name are told alike from the store and from memory', async t => {
  const { store, cache, check } = await held()
  const sid = newSid()
  const authenticatedAt = store.now() - 86_400_000
  await startSession(store, ada, LIFE, { sid, authenticatedAt })
  const cookie = signSid(signer, sid)
  const cold = await check(cookie)
  t.deepEqual(cache.find(cookie, idle), cold)
  t.is(cold?.session.authenticatedAt, authenticatedAt)
  t.is(cold?.session.id, sessionHandle(sid))
})
