import {
  cookieNames,
  parseCookies,
  parseSecrets,
  Signer,
  serializeCookie,
  signSid,
  siteSecrets,
  soleCookie,
  verifySid,
} from '@carnet/protocol'
import test from 'ava'

const secrets = parseSecrets('the newest secret, of 32 bytes..'.replace(',', ' '))
const sid = 'abcdefgh'.repeat(4)

test('a session cookie reads <sid>.<signature>, and only its own site verifies it', t => {
  const shop = new Signer(siteSecrets(secrets, 'shop'), 'shop')
  const value = signSid(shop, sid)
  t.regex(value, new RegExp(`^${sid}\\.[\\w-]{43}$`))
  t.is(verifySid(shop, value), sid)
  t.is(verifySid(new Signer(siteSecrets(secrets, 'news'), 'news'), value), null)
  t.is(
    verifySid(new Signer(siteSecrets(secrets, 'shop'), 'news'), value),
    null,
    'the site’s id is signed as well',
  )
  t.is(verifySid(shop, shop.sign('claim', sid)), null, 'and so is the purpose')
})

test('the newest secret signs, all verify', t => {
  const old = parseSecrets('o'.repeat(32))
  const both = parseSecrets(['n'.repeat(32), 'o'.repeat(32)])
  const signed = signSid(new Signer(siteSecrets(old, 'shop'), 'shop'), sid)
  t.is(verifySid(new Signer(siteSecrets(both, 'shop'), 'shop'), signed), sid)
  const renewed = signSid(new Signer(siteSecrets(both, 'shop'), 'shop'), sid)
  t.is(verifySid(new Signer(siteSecrets(old, 'shop'), 'shop'), renewed), null)
})

test('one site’s secrets are no other’s, nor the service’s', t => {
  const all = ['shop', 'news', 'auth'].flatMap(site => siteSecrets(secrets, site))
  t.is(new Set([...all, ...secrets]).size, 4)
  for (const secret of all) t.is(secret.length, 43)
})

test('secrets that are missing or short are refused', t => {
  t.throws(() => parseSecrets(''), { instanceOf: TypeError })
  t.throws(() => parseSecrets('short'), { instanceOf: TypeError, message: /5 bytes/ })
  t.throws(() => parseSecrets(`${'x'.repeat(32)},short`), { instanceOf: TypeError })
})

test('cookies are read in order, duplicates and all, and a name that stands twice has no value', t => {
  t.deepEqual(parseCookies(' a=1;b=2; a=3;c;=d'), [
    { name: 'a', value: '1' },
    { name: 'b', value: '2' },
    { name: 'a', value: '3' },
  ])
  t.is(soleCookie('a=1; b=2', 'b'), '2')
  t.is(soleCookie('a=1; a=1', 'a'), null)
  t.is(soleCookie('xa=1', 'a'), null)
  t.is(soleCookie(undefined, 'a'), null)
})

test('only spaces and tabs are stripped: a name behind a no-break space is another name', t => {
  // Browsers keep a sibling domain from setting `__Host-carnet`, but not from setting this.
  const tossed = '\u00a0__Host-carnet=tossed'
  t.is(soleCookie(tossed, '__Host-carnet'), null)
  t.is(soleCookie(`${tossed}; __Host-carnet=own`, '__Host-carnet'), 'own')
  t.is(soleCookie(`__Host-carnet=own; ${tossed}`, '__Host-carnet'), 'own')
  t.is(soleCookie('a=b;\t__Host-carnet = own \t; c=d', '__Host-carnet'), 'own')
  t.deepEqual(parseCookies(' a = b\u00a0;\u0085c=d;x'), [
    { name: 'a', value: 'b\u00a0' },
    { name: '\u0085c', value: 'd' },
  ])
})

test('names and attributes follow the origin', t => {
  t.is(cookieNames('https://shop.example').session, '__Host-carnet')
  t.is(cookieNames('http://shop.localhost').session, 'carnet')
  t.is(cookieNames('http://shop.localhost').claim, '__Host-carnet-claim')
  t.is(
    serializeCookie({ name: 'a', value: 'b', sameSite: 'Lax', secure: true, maxAge: 0 }),
    'a=b; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax',
  )
})
