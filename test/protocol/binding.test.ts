import {
  addressPrefix,
  type BindingMode,
  clientOf,
  issueTickets,
  MemoryStore,
  normalizeAddress,
  parseTrustProxy,
  redeemTicket,
  startSession,
} from '@carnet/protocol'
import test from 'ava'
import { ada, clientAt } from '../support/people.ts'

const trusting = parseTrustProxy('10.0.0.0/8, ::1')
const address = (peer: string, forwarded?: string | string[]) =>
  clientOf(
    { peer, headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded as string }) } },
    trusting,
  )

test('the client is the socket’s peer, in one spelling', t => {
  t.is(address('192.0.2.1').address, '192.0.2.1')
  t.is(address('::ffff:192.0.2.1').address, '192.0.2.1')
  t.is(address('2001:DB8:0:0::1').address, '2001:db8::1')
  t.is(normalizeAddress('localhost'), '')
  t.is(normalizeAddress(''), '')
})

test('the network of an address has one spelling, and what is no address has none', t => {
  t.is(addressPrefix('192.0.2.77'), '192.0.2.0/24')
  t.is(addressPrefix('::ffff:192.0.2.77'), '192.0.2.0/24')
  t.is(addressPrefix('2001:DB8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.is(addressPrefix('2001:db8::1'), '2001:db8::/64')
  t.is(addressPrefix('::1'), '::/64')
  t.is(addressPrefix('fe80::1%eth0'), 'fe80::/64')
  for (const none of ['', 'localhost', '192.0.2.0/24', '1.2.3.4, 5.6.7.8'])
    t.is(addressPrefix(none), '', none)
})

test('forwarding headers are believed from trusted proxies only, walked from the right', t => {
  t.is(address('192.0.2.1', '203.0.113.5').address, '192.0.2.1')
  t.true(address('192.0.2.1', '203.0.113.5').addressUncertain)
  t.is(address('10.0.0.1', '203.0.113.5').address, '203.0.113.5')
  t.false(address('10.0.0.1', '203.0.113.5').addressUncertain)
  t.is(
    address('10.0.0.1', '6.6.6.6, 203.0.113.5').address,
    '203.0.113.5',
    'what a client wrote itself stands left',
  )
  t.is(address('10.0.0.1', '6.6.6.6, 203.0.113.5, 10.2.2.2').address, '203.0.113.5')
  t.is(address('::ffff:10.0.0.1', '203.0.113.5').address, '203.0.113.5')
  t.is(address('10.0.0.1', '203.0.113.5:5678').address, '203.0.113.5')
  t.is(address('10.0.0.1', '[2001:db8::1]:443').address, '2001:db8::1')
  t.is(address('10.0.0.1', '2001:db8::1').address, '2001:db8::1')
  for (const silent of [undefined, 'unknown', 'nonsense', '1.2.3.4.5:1', '10.2.2.2, _hidden']) {
    t.true(
      address('10.0.0.1', silent).addressUncertain,
      'a trusted proxy that names no address is shared by many',
    )
  }
  t.true(address('').addressUncertain)
})

test('a list of proxies that cannot be read is refused', t => {
  for (const list of ['everybody', '10.0.0.0/99', '1.2.3'])
    t.throws(() => parseTrustProxy(list), { instanceOf: TypeError })
  t.false(parseTrustProxy('none')('127.0.0.1'))
})

const CASES: [BindingMode, string, string, 'same' | 'cross_family' | 'address_changed' | 'refused'][] = [
  ['exact', '192.0.2.1', '192.0.2.1', 'same'],
  ['exact', '192.0.2.1', '192.0.2.2', 'refused'],
  ['exact', '192.0.2.1', '2001:db8::1', 'cross_family'],
  ['prefix', '192.0.2.1', '192.0.2.254', 'same'],
  ['prefix', '192.0.2.1', '192.0.3.1', 'refused'],
  ['prefix', '2001:db8:1:aa00::1', '2001:db8:1:aaff::2', 'same'],
  ['prefix', '2001:db8:1:aa00::1', '2001:db8:1:ab00::1', 'refused'],
  ['prefix', '192.0.2.1', '2001:db8::1', 'cross_family'],
  ['prefix', '2001:db8::1', '192.0.2.1', 'cross_family'],
  ['log', '192.0.2.1', '203.0.113.9', 'address_changed'],
  ['off', '192.0.2.1', '203.0.113.9', 'same'],
]
for (const [binding, issued, shown, expected] of CASES) {
  test(`binding ${binding}: issued to ${issued}, shown by ${shown}: ${expected}`, async t => {
    const store = new MemoryStore()
    const { sid } = await startSession(store, ada, { idle: 60_000, absolute: 60_000 })
    const [ticket = ''] = await issueTickets(store, sid, clientAt(issued), [
      { site: 'shop', ttl: 3_000, state: 's' },
    ])
    const redeem = redeemTicket(store, ticket, {
      site: 'shop',
      client: clientAt(shown),
      binding,
      state: 's',
      acceptsPushed: false,
    })
    if (expected === 'refused') await t.throwsAsync(redeem, { code: 'ticket_wrong_client' } as object)
    else t.is((await redeem).remark, expected === 'same' ? null : expected)
  })
}
