import test from 'ava'
import { BOUND_MS, type Known, Oracle } from './oracle.ts'
import type { Answer } from './visitor.ts'

const SHOP = 'http://shop.localhost:1'
const NEWS = 'http://news.localhost:2'

function answer(beganAt: number, part: Partial<Answer> = {}): Answer {
  return {
    url: `${SHOP}/api/session`,
    status: 200,
    fault: '',
    location: '',
    cookies: [],
    body: '{}',
    beganAt,
    endedAt: beganAt + 5,
    ...part,
  }
}

const signedInAs = (email: string) => ({ body: JSON.stringify({ data: { user: { email } } }) })

function known(): Known {
  return {
    name: 'session 1',
    email: 'ada@example.com',
    cookies: new Map(),
    ending: true,
    ended: { at: 1_000, by: SHOP, oneProcess: true },
  }
}

const found = (oracle: Oracle) => oracle.violations.map(({ what }) => what)

test('a ticket may open something once, and only for as long as it lives', t => {
  const oracle = new Oracle()
  oracle.shown('shop.a', answer(10), true, 0)
  oracle.shown('shop.a', answer(20), false, 0)
  t.deepEqual(found(oracle), [])
  oracle.shown('shop.a', answer(30), true, 0)
  oracle.shown('shop.b', answer(3_200), true, 0)
  t.deepEqual(found(oracle), ['ticket accepted twice', 'ticket accepted late'])
})

test('who signed out may be seen elsewhere for the bound, at the site that acknowledged it no more at all', t => {
  const oracle = new Oracle()
  const alive = signedInAs('ada@example.com')
  // Asked before the acknowledgement, the answer may be either.
  oracle.checked(known(), SHOP, answer(999, alive))
  oracle.checked(known(), NEWS, answer(1_500, alive))
  oracle.checked(known(), NEWS, answer(1_000 + BOUND_MS + 1, { status: 401 }))
  oracle.checked(known(), NEWS, answer(1_000 + BOUND_MS + 1, { status: 503 }))
  t.deepEqual(found(oracle), [])
  t.is(oracle.lateSignOutMs, 500)
  oracle.checked(known(), SHOP, answer(1_001, alive))
  oracle.checked(known(), NEWS, answer(1_000 + BOUND_MS + 1, alive))
  t.deepEqual(found(oracle), ['signed out, yet signed in', 'signed out, yet signed in'])
})

test('another user, and a cookie in a refusal, are told; a live session that is unknown is counted as lost', t => {
  const oracle = new Oracle()
  const session: Known = { ...known(), ending: false, ended: null }
  oracle.checked(session, SHOP, answer(1, signedInAs('bob@example.com')))
  oracle.checked(session, SHOP, answer(2, { status: 503, cookies: ['carnet=; Max-Age=0'] }))
  t.deepEqual(found(oracle), ['wrong user', 'cookie in a 5xx'])
  t.is(oracle.lost, 0)
  oracle.checked(session, SHOP, answer(3, { status: 401 }))
  t.is(oracle.lost, 1)
})

test('a kind has recovered once every place that did it does it again', t => {
  const oracle = new Oracle()
  const news = { url: `${NEWS}/api/session` }
  const now = performance.now()
  for (const place of [{}, news]) oracle.note('check', answer(now - 100, place), true)
  oracle.faultBegan()
  oracle.note('check', answer(now + 1_000, { ...news, status: 503 }), false)
  oracle.note('check', answer(now + 2_000), true)
  t.is(oracle.firstGood('check'), null)
  t.deepEqual(oracle.missing('check'), [NEWS])
  oracle.note('check', answer(now + 3_000, news), true)
  t.true(Math.abs((oracle.firstGood('check') ?? 0) - 3_000) < 100)
  t.true(Math.abs(oracle.lastFailed('check') - 1_000) < 100)
  t.deepEqual(oracle.since('check'), { all: 3, failed: 1 })
  oracle.note('redeem', answer(now + 5_000), true)
  t.is(oracle.firstGood('redeem'), 5, 'nobody asked before, and nothing had failed')
})
