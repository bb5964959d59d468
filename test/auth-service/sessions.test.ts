import { join } from 'node:path'
import {
  CarnetError,
  loadManifest,
  MemoryStore,
  newSid,
  openStore,
  type Revocation,
  type Store,
  sessionHandle,
  startSession,
} from '@carnet/protocol'
import test from 'ava'
import type { Selectable } from 'kysely'
import { migrate, openDatabase, type SessionRow } from '../../packages/auth-service/src/accounts/database.ts'
import { Passwords } from '../../packages/auth-service/src/accounts/passwords.ts'
import { Remembering } from '../../packages/auth-service/src/accounts/remember.ts'
import { Sessions } from '../../packages/auth-service/src/accounts/sessions.ts'
import { insertUser, newRow } from '../../packages/auth-service/src/accounts/user-row.ts'
import { Users } from '../../packages/auth-service/src/accounts/users.ts'
import { clientAt } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const manifest = loadManifest(join(import.meta.dirname, '../../deploy/demo/sites.yaml'))
const passwords = new Passwords(() => 4)
test.after.always(() => passwords.close())

const HOUR = 3_600_000
const WEEK = 7 * 86_400_000
const away = { code: 'store_unavailable' } as object

/** A store in memory that can refuse, and tells what it was asked to revoke. */
class TestStore extends MemoryStore {
  isAway = false
  readonly refused = new Set<string>()
  readonly revoked: { sid: string; revocation: Revocation }[] = []

  override async revoke(sid: string, revocation: Revocation): Promise<boolean> {
    this.revoked.push({ sid, revocation })
    if (this.isAway || this.refused.has(sid)) throw new CarnetError('store_unavailable', 'away')
    return super.revoke(sid, revocation)
  }

  override async read(sid: string) {
    if (this.isAway) throw new CarnetError('store_unavailable', 'away')
    return super.read(sid)
  }
}

/** The tables with one user, and sessions on a store that can be changed for another, as one that lost everything. */
async function house(first: Store = new TestStore()) {
  const database = openDatabase('sqlite::memory:')
  await migrate(database)
  const users = new Users(database, passwords)
  let store = first
  let sessions = new Sessions(database, store, users, () => manifest)
  const add = async (name: string) => {
    const row = newRow({ email: `${name}@example.com`, name, roles: ['editor'] }, null)
    await insertUser(database, row)
    return row.id
  }
  const userId = await add('ada')
  return {
    database,
    users,
    userId,
    add,
    get store() {
      return store
    },
    get sessions() {
      return sessions
    },
    on(next: Store) {
      store = next
      sessions = new Sessions(database, store, users, () => manifest)
    },
    async begin({ remembered = false, of = userId, sid = newSid() } = {}) {
      const account = await users.find({ id: of })
      if (account === null) throw new Error('There is no such user.')
      const remembering = new Remembering(database, ['key'], sid => store.wasRevoked(sid))
      const given = { sid, life: WEEK, authenticatedAt: Date.now() }
      const series = remembered
        ? await remembering.begin({ id: account.user.id, epoch: account.epoch }, given)
        : null
      await sessions.begin(account, {
        sid,
        client: clientAt('192.0.2.10'),
        userAgentHeader: 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
        series: series === null ? null : { id: series.seriesId, expiresAt: series.expiresAt },
      })
      return { sid, id: sessionHandle(sid), series }
    },
    async row(id: string): Promise<Selectable<SessionRow> | null> {
      const query = database.selectFrom('sessions').selectAll().where('id', '=', id)
      return (await query.executeTakeFirst()) ?? null
    },
    async sitesOf(id: string): Promise<string[]> {
      const query = database.selectFrom('session_sites').select('site').where('session_id', '=', id)
      return (await query.execute()).map(({ site }) => site)
    },
    async hasSeries(id = ''): Promise<boolean> {
      const query = database.selectFrom('remember_series').select('id').where('id', '=', id)
      return (await query.executeTakeFirst()) !== undefined
    },
    /** Lets the time of a session be over in the past. */
    async age(id: string, { startedAgo, endedAgo }: { startedAgo: number; endedAgo: number }) {
      await database
        .updateTable('sessions')
        .set({ started_at: Date.now() - startedAgo, expires_at: Date.now() - endedAgo })
        .where('id', '=', id)
        .execute()
    },
  }
}

test('a handle that was entered for a living session ends nothing, and is dropped', async t => {
  const { store, sessions, begin, row } = await house()
  const { sid, id, series } = await begin({ remembered: true })
  store.unnoted = async () => [id, 'f'.repeat(32), 'no handle', '']
  const dropped: string[] = []
  store.noted = async handles => void dropped.push(...handles)
  await sessions.noteEndedElsewhere()
  t.not(await store.read(sid), null)
  t.like(await row(id), { ended_at: null, series_id: series?.seriesId })
  t.true(dropped.includes(id), 'or it would be looked at for ever')
})

test('a sign-out at a site is noted, with the end of what remembers the browser', async t => {
  const { store, sessions, begin, row, hasSeries } = await house()
  const { sid, id, series } = await begin({ remembered: true })
  const [other, unremembered] = [await begin({ remembered: true }), await begin()]
  for (const each of [sid, unremembered.sid]) await store.revoke(each, { rememberUntil: 0, noted: false })
  t.is(await sessions.noteEndedElsewhere(), 2)
  t.not((await row(id))?.ended_at, null)
  t.not((await row(unremembered.id))?.ended_at, null)
  t.false(await hasSeries(series?.seriesId))
  t.true(await hasSeries(other.series?.seriesId))
  t.not(await store.read(other.sid), null)
  t.is(await sessions.noteEndedElsewhere(), 0)
})

test('a sign-out at a site that nobody could note for hours ends what remembers the browser', async t => {
  const { store, sessions, begin, age, row, hasSeries } = await house()
  const { sid, id, series } = await begin({ remembered: true })
  await store.revoke(sid, { rememberUntil: 0, noted: false })
  await age(id, { startedAgo: 9 * HOUR, endedAgo: -3 * HOUR })
  await sessions.sweep()
  t.not(await row(id), null, 'it leads to the series')
  await sessions.noteEndedElsewhere()
  t.false(await hasSeries(series?.seriesId))
})

test('what cannot be noted now is noted later', async t => {
  const store = new TestStore()
  const { sessions, begin, hasSeries } = await house(store)
  const { sid, series } = await begin({ remembered: true })
  await store.revoke(sid, { rememberUntil: 0, noted: false })
  store.isAway = true
  await t.throwsAsync(sessions.noteEndedElsewhere(), away)
  store.isAway = false
  t.is(await sessions.noteEndedElsewhere(), 1)
  t.false(await hasSeries(series?.seriesId))
})

test('what was noted before one that cannot be is not noted again', async t => {
  const store = new TestStore()
  const { sessions, begin, hasSeries } = await house(store)
  const [first, second] = [await begin({ remembered: true }), await begin({ remembered: true })]
  for (const { sid } of [first, second]) await store.revoke(sid, { rememberUntil: 0, noted: false })
  store.refused.add(second.sid)
  await t.throwsAsync(sessions.noteEndedElsewhere(), away)
  t.deepEqual(await store.unnoted(), [second.id])
  store.refused.clear()
  await sessions.noteEndedElsewhere()
  t.false(await hasSeries(second.series?.seriesId))
})

test('one sign-out that cannot be noted keeps no other from being noted', async t => {
  const store = new TestStore()
  const { sessions, begin, hasSeries } = await house(store)
  const begun = [await begin({ remembered: true }), await begin({ remembered: true })]
  const [first, second] = begun
  for (const { sid } of begun) await store.revoke(sid, { rememberUntil: 0, noted: false })
  store.refused.add(first?.sid ?? '')
  await t.throwsAsync(sessions.noteEndedElsewhere(), away)
  t.deepEqual(await store.unnoted(), [first?.id])
  t.false(await hasSeries(second?.series?.seriesId))
})

test('an ended session tells nothing of a person, and its row goes when it would have ended by itself', async t => {
  const { sessions, begin, row, age, sitesOf, hasSeries } = await house()
  const kinds: Record<string, (of: { sid: string; id: string; userId: string }) => Promise<unknown>> = {
    shown: ({ sid }) => sessions.endShown(sid),
    listed: ({ id, userId }) => sessions.end(userId, { id }),
  }
  for (const [kind, end] of Object.entries(kinds)) {
    for (const remembered of [true, false]) {
      const { sid, id, series } = await begin({ remembered })
      await sessions.noteSite(sid, 'shop')
      const { user_id: userId = '', address, device, expires_at } = (await row(id)) ?? {}
      t.deepEqual([address, device === ''], ['192.0.2.*', false])
      await end({ sid, id, userId })
      const ended = { user_id: '', series_id: null, device: '', address: '', stale: 0, expires_at }
      t.like(await row(id), ended, kind)
      t.deepEqual(await sitesOf(id), [])
      t.false(await hasSeries(series?.seriesId))
      await age(id, { startedAgo: 12 * HOUR, endedAgo: -60_000 })
      await sessions.sweep()
      t.not(await row(id), null, 'a store may lose the ending yet')
      await age(id, { startedAgo: 12 * HOUR, endedAgo: HOUR })
      await sessions.sweep()
      t.is(await row(id), null)
    }
  }
})

test('rows of sessions that live are not swept, of those that ended by themselves are', async t => {
  const { store, sessions, begin, row, age } = await house()
  const [living, over] = [await begin(), await begin()]
  for (const { id } of [living, over]) await age(id, { startedAgo: HOUR, endedAgo: -HOUR })
  await store.revoke(over.sid, { rememberUntil: 0, noted: true })
  await sessions.sweep()
  t.not(await row(living.id), null)
  t.is(await row(over.id), null)
})

test('sessions that live again in a store that lost their end are ended by the replay; the others live on', async t => {
  const world = await house()
  const [ended, shown, living] = [
    await world.begin(),
    await world.begin({ remembered: true }),
    await world.begin(),
  ]
  const gone = await world.begin()
  for (const { id } of [ended, gone]) await world.sessions.end(world.userId, { id })
  await world.sessions.endShown(shown.sid)
  world.on(new TestStore())
  const account = await world.users.find({ id: world.userId })
  if (account === null) return t.fail()
  for (const { sid } of [ended, shown, living]) {
    await startSession(world.store, account.user, manifest.session, { sid })
  }
  await world.sessions.replay()
  t.is(await world.store.read(ended.sid), null)
  t.is(await world.store.read(shown.sid), null)
  t.not(await world.store.read(living.sid), null)
  const { revoked } = world.store as TestStore
  t.deepEqual(revoked.map(({ sid }) => sid).sort(), [ended.sid, shown.sid].sort(), 'and none that is gone')
  t.true(revoked.every(({ revocation }) => revocation.noted))
})

test('a replay of late endings leaves older ones to the first', async t => {
  const world = await house()
  const [early, late] = [await world.begin(), await world.begin()]
  for (const { id } of [early, late]) await world.sessions.end(world.userId, { id })
  const anHourAgo = { ended_at: Date.now() - HOUR }
  await world.database.updateTable('sessions').set(anHourAgo).where('id', '=', early.id).execute()
  world.on(new TestStore())
  const account = await world.users.find({ id: world.userId })
  if (account === null) return t.fail()
  for (const { sid } of [early, late]) {
    await startSession(world.store, account.user, manifest.session, { sid })
  }
  await world.sessions.replay({ since: Date.now() - 10_000 })
  t.is(await world.store.read(late.sid), null)
  t.not(await world.store.read(early.sid), null)
})

test('what sites know of a person is as of now after a replay', async t => {
  const world = await house()
  const { sid, id } = await world.begin()
  const untouched = await world.begin({ of: await world.add('bob') })
  await world.users.change(world.userId, { roles: ['admin'] })
  await world.sessions.follow()
  t.deepEqual((await world.store.read(sid))?.user.roles, ['admin'])
  t.like(await world.row(id), { stale: 0 })
  const user = {
    id: world.userId,
    name: 'ada',
    email: 'ada@example.com',
    emailVerified: false,
    roles: ['editor'],
  }
  world.on(new TestStore())
  for (const each of [sid, untouched.sid]) {
    await startSession(world.store, user, manifest.session, { sid: each })
  }
  await world.sessions.replay()
  t.deepEqual((await world.store.read(sid))?.user.roles, ['admin'])
  t.deepEqual((await world.store.read(untouched.sid))?.user, user, 'this one was never changed')
})

test('a person who was disabled while the store was away is signed out once it is back', async t => {
  const store = new TestStore()
  const { users, userId, sessions, begin } = await house(store)
  const { sid } = await begin()
  store.isAway = true
  await users.change(userId, { disabled: true, newEpoch: true })
  await t.throwsAsync(sessions.follow(), away)
  store.isAway = false
  t.not(await store.read(sid), null)
  await sessions.follow()
  t.is(await store.read(sid), null)
})

test('an ending that cannot be carried out holds up none of the others', async t => {
  const store = new TestStore()
  const { sessions, userId, begin } = await house(store)
  const all = [await begin(), await begin(), await begin()]
  for (const { sid } of all.slice(0, 1)) store.refused.add(sid)
  await t.throwsAsync(sessions.end(userId, 'all'), away)
  t.deepEqual(await Promise.all(all.map(async ({ sid }) => (await store.read(sid)) !== null)), [
    true,
    false,
    false,
  ])
  store.refused.clear()
  await sessions.follow()
  t.is(await store.read(all[0]?.sid ?? ''), null)
})

test('a browser that signs out while the store is away is told so, and ends when it is back', async t => {
  const store = new TestStore()
  const { sessions, begin, hasSeries, row } = await house(store)
  const { sid, id, series } = await begin({ remembered: true })
  store.isAway = true
  await t.throwsAsync(sessions.endShown(sid), away)
  t.false(await hasSeries(series?.seriesId))
  t.like(await row(id), { stale: 1 })
  store.isAway = false
  await sessions.follow()
  t.is(await store.read(sid), null)
})

test('a session that SQL does not know is ended where its browser shows it', async t => {
  const { store, sessions, users, userId } = await house()
  const account = await users.find({ id: userId })
  if (account === null) return t.fail()
  const { sid } = await startSession(store, account.user, manifest.session)
  await sessions.endShown(sid)
  t.is(await store.read(sid), null)
})

test('a remembered browser on its way back when it is signed out does not bring the session back', async t => {
  const redis = await startRedis()
  const inRedis = await openStore(redis.url)
  t.teardown(async () => {
    await inRedis.close()
    await redis.stop()
  })
  inRedis.keep(async () => {})
  await until(() => inRedis.ping().then(() => true))
  for (const store of [new TestStore(), inRedis]) {
    const { users, userId, sessions, begin, hasSeries } = await house(store)
    const account = await users.find({ id: userId })
    const { sid, series } = await begin({ remembered: true })
    if (account === null || series === null) return t.fail()
    await store.revoke(sid, { rememberUntil: 0, noted: false })
    await sessions.noteEndedElsewhere()
    t.false(await hasSeries(series.seriesId))
    t.true(await store.wasRevoked(sid), 'that it was noted shortens nothing')
    const beginning = {
      sid,
      client: clientAt('192.0.2.10'),
      userAgentHeader: '',
      series: { id: series.seriesId, expiresAt: series.expiresAt },
    }
    await t.throwsAsync(sessions.begin(account, beginning), { instanceOf: CarnetError })
    t.is(await store.read(sid), null)
  }
})

test('a session that is begun for who was signed out everywhere meanwhile ends, also where its row had ended', async t => {
  const world = await house()
  const { sid, series } = await world.begin({ remembered: true })
  const account = await world.users.find({ id: world.userId })
  if (account === null || series === null) return t.fail()
  await world.sessions.end(world.userId, 'all')
  // A store that lost what it was told of the end.
  world.on(new TestStore())
  await t.throwsAsync(
    world.sessions.begin(account, {
      sid,
      client: clientAt('192.0.2.10'),
      userAgentHeader: '',
      series: { id: series.seriesId, expiresAt: series.expiresAt },
    }),
    { code: 'invalid_credentials' } as object,
  )
  t.is(await world.store.read(sid), null)
})
