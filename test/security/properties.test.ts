import { createAuthService } from '@carnet/auth-service'
import {
  type Arrival,
  clientOf,
  cookieNames,
  fixedManifest,
  hasJsonBody,
  isSid,
  isSpeculative,
  languageFor,
  ManifestError,
  MemoryStore,
  newSid,
  normalizeAddress,
  parseCookies,
  parseDuration,
  parseManifest,
  parseTrustProxy,
  requestOrigin,
  returnTarget,
  Signer,
  signSid,
  siteOfTicket,
  soleCookie,
  untrustedForwarder,
  verifiedSids,
  verifySid,
  wantsJson,
} from '@carnet/protocol'
import test from 'ava'
import fc from 'fast-check'
import { pino } from 'pino'
import { deviceName } from '../../packages/auth-service/src/accounts/device.ts'
import { normalizeEmail } from '../../packages/auth-service/src/accounts/email.ts'
import { judgePassword } from '../../packages/auth-service/src/accounts/password-policy.ts'
import { readRememberCookie, rememberCookie } from '../../packages/auth-service/src/sso/own-session.ts'

/** Text of any kind: lone surrogates and control characters too. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ maxLength: 200 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
    .map(units => String.fromCharCode(...units)),
)

/** Text made of the pieces that a parser looks for, and of anything else. */
function around(...pieces: string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
  )
  return fc.array(piece, { maxLength: 24 }).map(parts => parts.join(''))
}

function holds<Ts extends [unknown, ...unknown[]]>(property: fc.IProperty<Ts>, numRuns = 1_000): void {
  fc.assert(property, { numRuns, interruptAfterTimeLimit: 2_000 })
}

function flipBit(text: string, at: number, bit: number): string {
  const index = at % text.length
  const code = text.charCodeAt(index) ^ (1 << bit)
  return text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1)
}

const signer = new Signer(['n'.repeat(32), 'o'.repeat(32)], 'shop')

test('forged cookies: what is signed verifies, for its purpose and site alone, and with any bit flipped no more', t => {
  const older = new Signer(['o'.repeat(32)], 'shop')
  const elsewhere = new Signer(['n'.repeat(32), 'o'.repeat(32)], 'news')
  const value = fc.stringMatching(/^[\w.-]{1,120}$/)
  holds(
    fc.property(value, fc.nat(), fc.nat({ max: 6 }), (value, at, bit) => {
      const signed = signer.sign('session', value)
      return (
        signer.verify('session', signed) === value &&
        signer.verify('session', older.sign('session', value)) === value &&
        signer.verify('claim', signed) === null &&
        elsewhere.verify('session', signed) === null &&
        signer.verify('session', flipBit(signed, at, bit)) === null
      )
    }),
  )
  holds(
    fc.property(anyText, text => signer.verify('session', text) === null && verifySid(signer, text) === null),
  )
  holds(
    fc.property(anyText, fc.nat({ max: 6 }), fc.nat(), (tail, bit, at) => {
      const sid = newSid()
      const cookie = signSid(signer, sid)
      return (
        verifySid(signer, cookie) === sid &&
        verifySid(signer, flipBit(cookie, at, bit)) === null &&
        (tail === '' || verifySid(signer, cookie + tail) === null)
      )
    }),
  )
  t.pass()
})

test('cookie tossing: a name that stands twice is no cookie, however the header is written', t => {
  const header = around(
    'carnet',
    'carnet-page',
    '=',
    ';',
    '; ',
    ' ',
    '\t',
    'x',
    'carnet=',
    '; carnet=',
    '"',
    ',',
  )
  holds(
    fc.property(fc.oneof(header, anyText), text => {
      const all = parseCookies(text).filter(({ name }) => name === 'carnet')
      const expected = all.length === 1 ? (all[0]?.value ?? null) : null
      verifiedSids(signer, text, 'carnet')
      return soleCookie(text, 'carnet') === expected
    }),
    5_000,
  )
  holds(
    fc.property(
      fc.array(fc.tuple(fc.stringMatching(/^[\w-]{1,12}$/), fc.stringMatching(/^[\w.-]{0,12}$/)), {
        maxLength: 9,
      }),
      pairs => {
        const text = pairs.map(([name, value]) => `${name}=${value}`).join('; ')
        const read = parseCookies(text).map(({ name, value }) => [name, value])
        return JSON.stringify(read) === JSON.stringify(pairs)
      },
    ),
  )
  t.pass()
})

test('forged remember cookies are none', t => {
  const names = cookieNames('https://auth.example')
  const own = new Signer(['n'.repeat(32)], 'auth')
  const read = (value: string) => readRememberCookie(`${names.remember}=${value}`, names, own)
  const part = fc.stringMatching(/^[\w-]{1,32}$/)
  holds(
    fc.property(part, part, fc.nat(), fc.nat({ max: 6 }), anyText, (seriesId, token, at, bit, junk) => {
      const [pair = ''] = rememberCookie(names, own, { seriesId, token, expiresAt: 1 }).split(';')
      const value = pair.slice(pair.indexOf('=') + 1)
      const back = read(value)
      return (
        back?.seriesId === seriesId &&
        back.token === token &&
        read(flipBit(value, at, bit)) === null &&
        read(junk) === null
      )
    }),
  )
  t.pass()
})

test('malformed tickets name no site', t => {
  const part = (length: number) => fc.stringMatching(new RegExp(`^[\\w-]{${length}}$`))
  holds(
    fc.property(
      fc.stringMatching(/^[a-z0-9-]{1,32}$/),
      part(8),
      part(24),
      anyText,
      fc.nat(),
      (site, tag, random, junk, at) => {
        const ticket = `${site}.${tag}.${random}`
        const cut = at % ticket.length
        const spoilt = ticket.slice(0, cut) + junk + ticket.slice(cut)
        const read = siteOfTicket(spoilt)
        return (
          siteOfTicket(ticket) === site &&
          siteOfTicket(ticket.slice(0, -1)) === null &&
          (read === null || /^[a-z0-9-]{1,32}\.[\w-]{8}\.[\w-]{24}$/.test(spoilt)) &&
          siteOfTicket(junk) === null
        )
      },
    ),
  )
  holds(fc.property(anyText, text => !isSid(text) || /^[\w-]{32}$/.test(text)))
  t.pass()
})

test('open redirects: a way back is one of our origins, by whoever reads it, or nothing', t => {
  const allowed = ['https://shop.example', 'https://auth.example:8443', 'http://shop.localhost:4001']
  const address = around(
    '/',
    '//',
    '\\',
    ':',
    '@',
    '.',
    '?',
    '#',
    '%2f',
    '%5c',
    '%40',
    '%00',
    '\t',
    '\n',
    '\r',
    ' ',
    '..',
    '/../',
    'https:',
    'http:',
    'https://',
    'blob:',
    'blob:https://shop.example/',
    'https://user:pass@shop.example',
    'https://shop.example',
    'javascript:',
    'data:',
    'file:',
    'shop.example',
    'evil.example',
    'auth.example:8443',
    'shop.localhost:4001',
    'shop.example.evil.example',
    '\u3002',
    '\uff0e',
    '\uff0f',
    '\u2044',
    '\ud800',
    '\u00ad',
    '[::1]',
    '0x7f.1',
    'user:pass@',
    ';',
    '&',
  )
  holds(
    fc.property(fc.oneof(address, anyText, fc.webUrl()), fc.constantFrom(...allowed), (text, base) => {
      const target = returnTarget(text, base, allowed)
      if (target === null) return true
      const again = new URL(target.href)
      const relative = new URL(target.pathname + target.search + target.hash, target.origin)
      return (
        allowed.includes(target.origin) &&
        (target.protocol === 'https:' || target.protocol === 'http:') &&
        target.username === '' &&
        target.password === '' &&
        !target.pathname.startsWith('//') &&
        again.origin === target.origin &&
        again.href === target.href &&
        relative.origin === target.origin &&
        !/[\r\n\t ]/.test(target.href) &&
        !target.pathname.includes('\\')
      )
    }),
    20_000,
  )
  holds(
    fc.property(
      fc.anything(),
      value => typeof value === 'string' || returnTarget(value, allowed[0] ?? '', allowed) === null,
    ),
  )
  t.pass()
})

test('a manifest of any text is a manifest, or faults with their places', t => {
  const yaml = around(
    'auth:',
    ' ',
    '\n',
    '\n  ',
    '\n- ',
    '\n  - ',
    'https://auth.example',
    'http://auth.localhost:4000',
    'sites:',
    'id: shop',
    'origin: ',
    'https://shop.example',
    'session: {',
    'idle: 20m',
    'brand:',
    '{',
    '}',
    '[',
    ']',
    ',',
    ': ',
    '"',
    "'",
    '|',
    '>',
    '&a',
    '*a',
    '<<: *a',
    '!!binary ',
    '!!js/function ',
    '? ',
    '#',
    '---\n',
    '...\n',
    '%YAML 1.2\n',
    '\t',
    '__proto__: ',
    'constructor: ',
    'null',
    '1e999',
    '.nan',
    '0x10',
    '2026-01-01',
    'ticket: { ttl: 3s }',
    'aliases: [',
  )
  const json = fc.record(
    {
      auth: fc.oneof(fc.webUrl(), fc.constant('https://auth.example'), fc.jsonValue()),
      brand: fc.jsonValue(),
      session: fc.jsonValue(),
      ticket: fc.jsonValue(),
      sites: fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.record(
            {
              id: fc.oneof(fc.constant('shop'), fc.jsonValue()),
              origin: fc.oneof(fc.webUrl(), fc.constant('https://shop.example'), fc.jsonValue()),
              aliases: fc.jsonValue(),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        ),
      ),
    },
    { requiredKeys: [] },
  )
  const sound = (text: string): boolean => {
    try {
      const manifest = parseManifest(text, 'f')
      return manifest.sites.length > 0
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error
      return error.faults.length > 0 && error.faults.every(({ line, column }) => line >= 1 && column >= 1)
    }
  }
  holds(fc.property(fc.oneof(yaml, anyText), sound), 1_000)
  holds(
    fc.property(json, value => sound(JSON.stringify(value))),
    300,
  )
  holds(fc.property(anyText, text => Number.isNaN(parseDuration(text)) || parseDuration(text) >= 0))
  t.pass()
})

test('e-mail addresses have one spelling, one @, and nothing that a mail’s header could take for its end', t => {
  const text = around(
    'a',
    'ada',
    '@',
    '\uff20',
    '\ufe6b',
    '.',
    'example.com',
    ' ',
    '\0',
    '\r\n',
    '\n',
    '\t',
    '\u00a0',
    '<',
    '>',
    ',',
    ';',
    '"',
    '\\',
    '\u200b',
    '\u202e',
    '\ud800',
    '\u0130',
    '\ufdfa',
    '\u1e9e',
    '\u00df',
    '+',
    '%',
  )
  holds(
    fc.property(fc.oneof(text, anyText, fc.emailAddress()), input => {
      const email = normalizeEmail(input)
      if (email === null) return true
      return (
        normalizeEmail(email) === email &&
        /^[^@\uff20\ufe6b]+@[^@\uff20\ufe6b]+$/.test(email) &&
        !/[\p{C}\s<>,;"\\]/u.test(email) &&
        email.length <= 254 &&
        (input.match(/[@\uff20\ufe6b]/g) ?? []).length === 1
      )
    }),
    10_000,
  )
  t.pass()
})

test('forged forwarding headers: the client is never what an untrusted hop said', t => {
  const trust = parseTrustProxy('10.0.0.0/8, fd00::/8')
  const proxy = fc.oneof(
    fc.nat({ max: 255 }).map(n => `10.0.0.${n}`),
    fc.nat({ max: 255 }).map(n => `::ffff:10.1.1.${n}`),
    fc.nat({ max: 0xffff }).map(n => `fd00::${n.toString(16)}`),
  )
  const client = fc.oneof(
    fc.nat({ max: 255 }).map(n => `203.0.113.${n}`),
    fc.nat({ max: 0xffff }).map(n => `2001:db8::${n.toString(16)}`),
    fc.nat({ max: 255 }).map(n => `::ffff:198.51.100.${n}`),
  )
  const junk = fc.oneof(
    anyText,
    around(',', ', ', ':', '[', ']', '10.0.0.1', '203.0.113.9', 'unknown', '_x', ' '),
  )
  const withPort = (address: string, port: number | null) =>
    port === null ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }))
  holds(
    fc.property(
      proxy,
      client,
      port,
      fc.array(fc.tuple(proxy, port), { maxLength: 4 }),
      junk,
      (peer, who, at, chain, forged) => {
        const honest = [withPort(who, at), ...chain.map(([address, port]) => withPort(address, port))]
        const header = [forged, ...honest].join(', ')
        const seen = clientOf({ peer, headers: { 'x-forwarded-for': header } }, trust)
        return seen.address === normalizeAddress(who) && !seen.addressUncertain
      },
    ),
    3_000,
  )
  const headers = fc.dictionary(
    fc.constantFrom('x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'user-agent', 'x-forwarded-host'),
    fc.oneof(junk, fc.array(junk, { maxLength: 3 })),
  )
  holds(
    fc.property(fc.oneof(client, proxy, anyText), headers, (peer, headers) => {
      const arrival: Arrival = { peer, headers }
      const seen = clientOf(arrival, trust)
      const own = normalizeAddress(peer)
      untrustedForwarder(arrival, trust)
      if (seen.address !== '' && normalizeAddress(seen.address) !== seen.address) return false
      return own !== '' && trust(own) ? true : seen.address === own
    }),
    3_000,
  )
  holds(fc.property(anyText, text => normalizeAddress(normalizeAddress(text)) === normalizeAddress(text)))
  holds(
    fc.property(
      fc.oneof(anyText, around('10.0.0.0', '/', '8', ',', ' ', '::1', 'none', 'loopback')),
      list => {
        try {
          return typeof parseTrustProxy(list) === 'function'
        } catch (error) {
          return error instanceof TypeError
        }
      },
    ),
  )
  t.pass()
})

test('headers of any text: a language, a device’s name, an origin, never a throw', t => {
  const tags = around(
    'en',
    'zh',
    'zh-TW',
    '-',
    ',',
    ';',
    'q=',
    '0.5',
    '1e9',
    ' ',
    '*',
    '__proto__',
    'constructor',
  )
  holds(
    fc.property(fc.oneof(tags, anyText), text => ['en', 'zh-Hans', 'zh-Hant'].includes(languageFor(text))),
  )
  const agents = around(
    'Mozilla/5.0 ',
    '(',
    ')',
    'Windows NT 10.0',
    'Linux',
    'Firefox/',
    '153',
    '.',
    'Chrome/',
    'Safari/',
    'Version/',
    ' ',
    ';',
    'Android ',
    'iPhone',
    '/',
  )
  holds(
    fc.property(fc.oneof(agents, anyText), text => {
      const name = deviceName(text)
      return name.length <= 200 && !/\p{Cc}/u.test(name)
    }),
    500,
  )
  const header = fc.oneof(
    anyText,
    around(
      'application/json',
      ';',
      ' ',
      'text/html',
      'prefetch',
      'same-origin',
      'null',
      'https://auth.example',
      ',',
    ),
  )
  holds(
    fc.property(header, header, header, (site, origin, type) => {
      const headers = {
        'sec-fetch-site': site,
        origin,
        'content-type': type,
        accept: type,
        'sec-purpose': site,
      }
      hasJsonBody(headers)
      wantsJson(headers)
      isSpeculative(headers)
      const from = requestOrigin(headers, ['https://auth.example'])
      return (
        (from === 'same') ===
        (site === 'same-origin' || (site === 'none' && origin === 'https://auth.example'))
      )
    }),
  )
  t.pass()
})

test('any password is judged, never thrown at', async t => {
  await fc.assert(
    fc.asyncProperty(anyText, anyText, async (password, name) => {
      const fault = await judgePassword(password, { minLength: 15, words: [name, 'Carnet'] })
      return fault !== null || [...password.normalize('NFKC')].length >= 15
    }),
    { numRuns: 300 },
  )
  t.pass()
})

test('forged mail links: any text, and a genuine one with any bit flipped, are none', async t => {
  const service = await createAuthService({
    manifest: fixedManifest(
      parseManifest(
        'auth: https://auth.example\nsites: [{ id: shop, origin: "https://shop.example" }]\n',
        'f',
      ),
    ),
    store: new MemoryStore(),
    databaseUrl: 'sqlite::memory:',
    secrets: ['s'.repeat(32)],
    log: pino({ level: 'silent' }),
  })
  t.teardown(() => service.close())
  const { tokens } = service.desk
  const purposes = ['verify-email', 'change-email'] as const
  const genuine = await tokens.mint('verify-email', { userId: 'u', email: 'a@b.example', epoch: 0 })
  const reset = await tokens.mint('reset-password', { userId: 'u', email: 'a@b.example', epoch: 0 })
  t.is((await tokens.read(purposes, genuine))?.userId, 'u')
  t.is(await tokens.read(purposes, reset), null, 'of another purpose')
  const [head = '', body = '', mark = ''] = genuine.split('.')
  const pieces = around('.', head, body, mark, 'eyJhbGciOiJub25lIn0', 'e30', '=', '-', '_')
  await fc.assert(
    fc.asyncProperty(fc.oneof(pieces, anyText), fc.nat(), fc.nat({ max: 6 }), async (junk, at, bit) => {
      // The last character has bits that stand for nothing.
      const flipped = flipBit(genuine.slice(0, -1), at, bit) + genuine.slice(-1)
      const read = [
        await tokens.read(purposes, flipped),
        junk === genuine ? null : await tokens.read(purposes, junk),
      ]
      return read.every(each => each === null)
    }),
    { numRuns: 300 },
  )
})
