import {
  CarnetError,
  type ErrorCode,
  isSid,
  issueTickets,
  newSid,
  type Redemption,
  type Report,
  redeemTicket,
  revokeSession,
  type SessionLife,
  type Store,
  sessionHandle,
  startSession,
  tagOf,
  touchSessions,
} from '@carnet/protocol'
import type { ExecutionContext, TestFn } from 'ava'
import { ada, clientAt } from '../support/people.ts'
import { until } from '../support/until.ts'

/** A store under test. */
export interface Subject {
  readonly store: Store
  /** Runs `work` while the store does not answer. Absent where a store cannot be away. */
  readonly away?: (work: () => Promise<void>) => Promise<void>
  /** The id of a site that nobody else uses. Default: one by chance. */
  readonly own?: string
}

const LIFE: SessionLife = { idle: 60_000, absolute: 3_600_000 }
const TTL = 3_000
const REMEMBER = 60_000
const GONE = { rememberUntil: 0, noted: false }
const STATE = 'a-state-that-the-nonce-hashes-to'
const client = clientAt('192.0.2.10')
const good: Redemption = { site: 'shop', client, binding: 'prefix', state: STATE, acceptsPushed: false }

/** What every store has to do, whatever it is made of. */
export function conforms(test: TestFn<Subject>): void {
  const start = (store: Store, life = LIFE) => startSession(store, ada, life)

  async function issue(store: Store, sid: string, ttl = TTL): Promise<string> {
    const [ticket = ''] = await issueTickets(store, sid, client, [{ site: 'shop', ttl, state: STATE }])
    return ticket
  }

  test('a session is read as it was started, and under a sid of 32 characters', async t => {
    const { store } = t.context
    const { sid, session } = await start(store)
    t.true(isSid(sid))
    t.deepEqual(await store.read(sid), session)
    t.deepEqual(session.user, ada)
    t.is(session.expiresAt, session.startedAt + LIFE.absolute)
    t.is(await store.read('x'.repeat(32)), null)
  })

  test('a revoked session is gone, and a second revoke finds nothing', async t => {
    const { store } = t.context
    let ended = false
    // Where an answer comes too late, the next attempt finds that the session is gone.
    for (let tries = 0; !ended && tries < 3; tries++) {
      const { sid } = await start(store)
      ended = await revokeSession(store, sid, { remember: REMEMBER })
      t.is(await store.read(sid), null)
      t.false(await revokeSession(store, sid, { remember: REMEMBER }))
    }
    t.true(ended)
  })

  test('a session that was revoked does not start again, where its browser is remembered or may be', async t => {
    const { store } = t.context
    const rememberedUntil = store.now() + REMEMBER
    const { sid, session } = await startSession(store, ada, LIFE, { rememberedUntil })
    t.deepEqual(await store.read(sid), { ...session, rememberedUntil })
    t.false(await store.wasRevoked(sid))
    t.true(await store.revoke(sid, GONE))
    t.true(await store.wasRevoked(sid))
    await t.throwsAsync(startSession(store, ada, LIFE, { sid }), { code: 'session_gone' } as object)
    t.is(await store.read(sid), null)

    const gone = newSid()
    t.false(await revokeSession(store, gone, { remember: REMEMBER }))
    t.true(await store.wasRevoked(gone), 'nobody can say whether this one was remembered')

    const plain = await start(store)
    await revokeSession(store, plain.sid, { remember: REMEMBER })
    t.false(await store.wasRevoked(plain.sid), 'this one was not, so nothing is kept')
  })

  test('a session is started once under one sid, however many start it', async t => {
    const { store } = t.context
    const sid = newSid()
    const first = await startSession(store, ada, LIFE, { sid })
    await startSession(store, { ...ada, name: 'Another' }, LIFE, { sid })
    t.deepEqual(await store.read(sid), first.session)
  })

  test('a change of the user reaches a live session, keeps its end, and never a later change', async t => {
    const { store } = t.context
    const { sid, session } = await startSession(store, ada, LIFE, { revision: 3 })
    const [end] = await store.ends([sid])
    const other = { ...ada, name: 'Ada "Ä" \n Byron', emailVerified: false, roles: ['a', 'b'] }
    t.true(await store.renew(sid, other, 4))
    t.deepEqual(await store.read(sid), { ...session, user: other, revision: 4 })
    t.deepEqual(await store.ends([sid]), [end ?? null])
    t.true(await store.renew(sid, ada, 4))
    t.true(await store.renew(sid, ada, 2))
    t.deepEqual((await store.read(sid))?.user, other)
    await store.revoke(sid, GONE)
    t.false(await store.renew(sid, ada, 9))
    t.is(await store.read(sid), null, 'and brings nobody back')
  })

  test('the ends of sessions are told together, and null for those that are gone', async t => {
    const { store } = t.context
    const [first, second] = [await start(store), await start(store)]
    await store.revoke(second.sid, GONE)
    const ends = await store.ends([first.sid, second.sid, newSid()])
    t.true(Math.abs((ends[0] ?? 0) - (first.session.startedAt + LIFE.idle)) < 2_000)
    t.deepEqual(ends.slice(1), [null, null])
    t.deepEqual(await store.ends([]), [])
  })

  test('who watches hears the handle of every session that is revoked or renewed, and never the sid', async t => {
    const { store } = t.context
    const heard: string[] = []
    const watch = store.watch({ forget: handle => heard.push(handle), forgetAll: () => {} })
    await until(async () => {
      await store.beat()
      return watch.isCurrent(0) && watch.isCurrent(15)
    })
    const first = await start(store)
    await store.revoke(first.sid, GONE)
    const second = await start(store)
    await store.renew(second.sid, { ...ada, roles: ['admin'] }, 1)
    const handles = [first, second].map(({ sid }) => sessionHandle(sid))
    await until(() => handles.every(handle => heard.includes(handle)))
    t.false(heard.some(handle => first.sid.includes(handle)))
    await watch.stop()
    const third = await start(store)
    await store.revoke(third.sid, GONE)
    t.false(heard.includes(sessionHandle(third.sid)))
  })

  test('what was revoked at a site is kept until it is noted, what SQL knows is not', async t => {
    const { store } = t.context
    const [first, second, third] = [await start(store), await start(store), await start(store)]
    await store.revoke(first.sid, { rememberUntil: 0, noted: false })
    await store.revoke(second.sid, { rememberUntil: 0, noted: false })
    await store.revoke(third.sid, { rememberUntil: 0, noted: true })
    const unnoted = async () => new Set(await store.unnoted())
    t.true((await unnoted()).has(sessionHandle(first.sid)))
    t.false((await unnoted()).has(sessionHandle(third.sid)))
    await store.noted([sessionHandle(first.sid)])
    t.false((await unnoted()).has(sessionHandle(first.sid)))
    t.true((await unnoted()).has(sessionHandle(second.sid)))
  })

  test('what agents report is taken once, in its order, site by site', async t => {
    const { store } = t.context
    const { own: one = `news-${Math.random().toString(36).slice(2, 8)}` } = t.context
    const sites = ['shop', one] as const
    const [, own] = sites
    const nth = (n: number): Report => ({
      event: 'ticket_refused',
      outcome: 'ticket_unknown',
      prefix: '192.0.2.0/24',
      session: null,
      at: 1_000 + n,
    })
    await store.report(own, [nth(0), nth(1)])
    await store.report(own, [nth(2)])
    t.deepEqual(await store.reports(['shop']), [])
    const both = await Promise.all([store.reports(sites), store.reports(sites)])
    t.deepEqual(
      both.flat(),
      [0, 1, 2].map(n => ({ site: own, report: nth(n) })),
    )
    t.deepEqual(await store.reports(sites), [])
    t.deepEqual(await store.reports([]), [])
  })

  test('of reports that nobody takes, the latest 1,000 are kept', async t => {
    const { store } = t.context
    const report: Omit<Report, 'at'> = {
      event: 'session_revoked',
      outcome: 'ok',
      prefix: null,
      session: null,
    }
    for (let turn = 0; turn < 3; turn++) {
      const some = Array.from({ length: 500 }, (_, n) => ({ ...report, at: turn * 500 + n }))
      await store.report('games', some)
    }
    const ats = (await store.reports(['games'])).map(({ report: { at } }) => at)
    t.deepEqual(
      ats,
      Array.from({ length: 1_000 }, (_, n) => 500 + n),
    )
  })

  test('a session that nobody touches ends when its idle time is over', async t => {
    const { store } = t.context
    const { sid } = await start(store, { idle: 400, absolute: 60_000 })
    const startedAt = performance.now()
    t.not(await store.read(sid), null)
    await until(async () => (await store.read(sid)) === null)
    // Our view of a store's clock is never fast, but may be slow by the time an answer took.
    t.true(performance.now() - startedAt >= 300)
  })

  test('a touch moves the idle end, never nearer and never past the absolute end', async t => {
    const { store } = t.context
    const { sid, session } = await start(store, { idle: 400, absolute: 1_200 })
    t.deepEqual(await touchSessions(store, [{ sid, session, idle: 60_000 }]), [true])
    t.deepEqual(await store.touch([{ sid, until: store.now() + 50 }]), [true])
    await until(() => store.now() >= session.startedAt + 800)
    t.not(await store.read(sid), null, 'the touch carried it over its first idle end')
    await until(async () => (await store.read(sid)) === null)
    t.true(store.now() >= session.expiresAt - 100)
    t.true(store.now() < session.expiresAt + 1_000)
  })

  test('a session that is touched past its absolute end has ended all the same', async t => {
    const { store } = t.context
    const { sid, session } = await start(store, { idle: 400, absolute: 400 })
    const ticket = await issue(store, sid)
    t.deepEqual(await store.touch([{ sid, until: store.now() + 60_000 }]), [true])
    await until(async () => (await store.read(sid)) === null)
    t.true(store.now() >= session.expiresAt)
    await refused(t, store, ticket, good, 'session_gone')
  })

  test('a touch finds no session that is gone, and makes none', async t => {
    const { store } = t.context
    const { sid, session } = await start(store)
    await store.revoke(sid, GONE)
    t.deepEqual(await touchSessions(store, [{ sid, session, idle: LIFE.idle }]), [false])
    t.is(await store.read(sid), null)
  })

  test('many sessions are touched together, and each is told of by itself', async t => {
    const { store } = t.context
    const each = await Promise.all(Array.from({ length: 60 }, () => start(store)))
    const gone = each.filter((_, index) => index % 3 === 0)
    for (const { sid } of gone) await store.revoke(sid, GONE)
    const until = store.now() + LIFE.idle + 30_000
    const live = await store.touch(each.map(({ sid }) => ({ sid, until })))
    t.deepEqual(
      live,
      each.map(one => !gone.includes(one)),
    )
    t.deepEqual(
      await store.ends(each.map(({ sid }) => sid)),
      each.map(one => (gone.includes(one) ? null : until)),
    )
    t.deepEqual(await store.touch([]), [])
  })

  test('a touch that races a revoke never brings the session back', async t => {
    const { store } = t.context
    for (let round = 0; round < 100; round++) {
      const { sid, session } = await start(store)
      const touch = () => touchSessions(store, [{ sid, session, idle: LIFE.idle }])
      await Promise.all([touch(), touch(), store.revoke(sid, GONE), touch(), touch()])
      t.is(await store.read(sid), null)
    }
  })

  test('a ticket opens its session, once', async t => {
    const { store } = t.context
    const { sid, session } = await start(store)
    const ticket = await issue(store, sid)
    t.regex(ticket, /^shop\.[\w-]{8}\.[\w-]{24}$/)
    t.is(ticket.split('.')[1], tagOf(sid))
    t.deepEqual(await redeemTicket(store, ticket, good), { sid, session, nonceBound: true, remark: null })
    await refused(t, store, ticket, good, 'ticket_unknown')
  })

  test('of 50 parallel redemptions exactly one wins, 100 times over', async t => {
    const { store } = t.context
    const { sid } = await start(store)
    for (let round = 0; round < 100; round++) {
      const ticket = await issue(store, sid)
      const shown = await Promise.allSettled(
        Array.from({ length: 50 }, () => redeemTicket(store, ticket, good)),
      )
      const lost = shown.filter(each => each.status === 'rejected')
      t.is(shown.length - lost.length, 1)
      t.true(lost.every(({ reason }) => (reason as CarnetError).code === 'ticket_unknown'))
    }
  })

  const WRONG: [string, Partial<Redemption>, ErrorCode][] = [
    ['at the wrong site', { site: 'news' }, 'ticket_wrong_site'],
    ['by the wrong client', { client: clientAt('198.51.100.7') }, 'ticket_wrong_client'],
    ['with the wrong nonce', { state: 'the-hash-of-another-nonce' }, 'state_mismatch'],
    ['without a nonce', { state: null }, 'state_mismatch'],
  ]
  for (const [how, wrong, code] of WRONG) {
    test(`a ticket shown ${how} opens nothing and is spent`, async t => {
      const { store } = t.context
      const { sid } = await start(store)
      const ticket = await issue(store, sid)
      await refused(t, store, ticket, { ...good, ...wrong }, code)
      await refused(t, store, ticket, good, 'ticket_unknown')
    })
  }

  test('a pushed ticket is taken from exactly its client, and only where pushed ones are', async t => {
    const { store } = t.context
    const { sid } = await start(store)
    const pushed = async () =>
      (await issueTickets(store, sid, client, [{ site: 'shop', ttl: TTL, state: null }]))[0] ?? ''
    const shown: Redemption = { ...good, state: null, acceptsPushed: true, binding: 'off' }
    t.false((await redeemTicket(store, await pushed(), shown)).nonceBound)
    await refused(t, store, await pushed(), { ...shown, acceptsPushed: false }, 'state_mismatch')
    const others = [
      clientAt('192.0.2.11'),
      clientAt('192.0.2.10', { 'user-agent': 'another' }),
      clientAt('192.0.2.10', { 'x-forwarded-for': '192.0.2.10' }),
    ]
    for (const other of others) {
      await refused(t, store, await pushed(), { ...shown, client: other }, 'ticket_wrong_client')
    }
  })

  test('a ticket whose session has ended says so, and is spent', async t => {
    const { store } = t.context
    const { sid } = await start(store)
    const ticket = await issue(store, sid)
    await store.revoke(sid, GONE)
    await refused(t, store, ticket, good, 'session_gone')
    await refused(t, store, ticket, good, 'ticket_unknown')
  })

  test('a ticket lives for its 3 s, and is dead 3.2 s after its issue', async t => {
    const { store } = t.context
    const { sid } = await start(store)
    const [early, late] = [await issue(store, sid), await issue(store, sid)]
    const issuedAt = performance.now()
    await until(() => performance.now() >= issuedAt + 2_300)
    t.is((await redeemTicket(store, early, good)).sid, sid)
    await until(() => performance.now() >= issuedAt + 3_200)
    await refused(t, store, late, good, 'ticket_unknown')
  })

  test('tickets for many sites are issued together, each good at its own', async t => {
    const { store } = t.context
    const { sid } = await start(store)
    const sites = Array.from({ length: 100 }, (_, index) => `site-${index}`)
    const requests = sites.map(site => ({ site, ttl: 10_000, state: STATE }))
    const tickets = await issueTickets(store, sid, client, requests)
    t.is(new Set(tickets).size, 100)
    for (const [index, site] of sites.entries()) {
      t.is((await redeemTicket(store, tickets[index] ?? '', { ...good, site })).sid, sid)
    }
  })

  test('what is no ticket is unknown, and costs the store nothing', async t => {
    const { store } = t.context
    for (const value of [
      '',
      'x',
      'shop..',
      'shop.aaaaaaaa.short',
      `shop.aaaaaaaa.${'a'.repeat(100_000)}`,
      'shop.\0.\n',
    ]) {
      await refused(t, store, value, good, 'ticket_unknown')
    }
    await refused(t, store, `shop.aaaaaaaa.${'a'.repeat(24)}`, good, 'ticket_unknown')
  })

  test('a session is admitted to the sites that it was taken to, for as long as was said last', async t => {
    const { store } = t.context
    const [first, second] = [newSid(), newSid()]
    await store.admit(first, 'shop', store.now() + 60_000)
    await store.admit(first, 'news', store.now() + 100)
    await store.admit(second, 'news', store.now() + 300)
    t.deepEqual(await store.admitted([first, second], 'shop'), [true, false])
    t.deepEqual(await store.admitted([second, first, newSid()], 'news'), [true, true, false])
    await until(async () => !(await store.admitted([second], 'news'))[0])
    t.deepEqual(await store.admitted([first], 'shop'), [true])
    t.deepEqual(await store.admitted([], 'shop'), [])
  })

  test('a nonce is new once, for each site, until its time is over', async t => {
    const { store } = t.context
    const nonce = newSid()
    const end = store.now() + 300
    const said = await Promise.all(Array.from({ length: 20 }, () => store.once('shop', nonce, end)))
    t.is(said.filter(Boolean).length, 1)
    t.true(await store.once('news', nonce, end))
    await until(() => store.now() > end)
    await until(() => store.once('shop', nonce, store.now() + 300))
  })

  test('a store that was away during an issue leaves no late ticket', async t => {
    const { store, away } = t.context
    if (away === undefined) return cannotBeAway(t)
    const { sid } = await start(store)
    const record = {
      sid,
      site: 'shop',
      binding: { address: client.address, userAgent: client.userAgent },
      nonceHash: STATE,
    }
    const ticket = `shop.${tagOf(sid)}.${'L'.repeat(24)}`
    const issuedAt = performance.now()
    const end = store.now() + TTL
    await away(async () => {
      await t.throwsAsync(store.issue([{ ticket, record, until: end }]), { instanceOf: CarnetError })
      await until(() => performance.now() >= issuedAt + 3_200)
    })
    // The write that was on its way has now been carried out; it must have left nothing.
    await until(async () => (await store.read(sid)) !== null)
    await refused(t, store, ticket, good, 'ticket_unknown')
  })

  test('a store that is away is said to be, within the deadline of a command', async t => {
    const { store, away } = t.context
    if (away === undefined) return cannotBeAway(t)
    const { sid } = await start(store)
    await away(async () => {
      const startedAt = performance.now()
      await t.throwsAsync(store.read(sid), { code: 'store_unavailable' } as object)
      t.true(performance.now() - startedAt < 1_000)
    })
    await until(async () => (await store.read(sid)) !== null)
  })
}

function cannotBeAway(t: ExecutionContext<Subject>): void {
  t.log('not applicable: this store lives in the process and cannot be away')
  t.pass()
}

async function refused(
  t: ExecutionContext<Subject>,
  store: Store,
  ticket: string,
  shown: Redemption,
  code: ErrorCode,
): Promise<void> {
  const error = await t.throwsAsync(redeemTicket(store, ticket, shown), { instanceOf: CarnetError })
  t.is(error?.code, code)
}
