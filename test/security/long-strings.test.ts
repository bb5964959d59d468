import { Browser } from '@carnet/demo/browser'
import {
  clientOf,
  cookieNames,
  hasJsonBody,
  isSpeculative,
  languageFor,
  ManifestError,
  parseCookies,
  parseDuration,
  parseManifest,
  parseTrustProxy,
  requestOrigin,
  returnTarget,
  Signer,
  siteOfTicket,
  soleCookie,
  verifiedSids,
  verifySid,
  wantsJson,
} from '@carnet/protocol'
import test from 'ava'
import { deviceName } from '../../packages/auth-service/src/accounts/device.ts'
import { normalizeEmail } from '../../packages/auth-service/src/accounts/email.ts'
import { judgePassword } from '../../packages/auth-service/src/accounts/password-policy.ts'
import { readRememberCookie } from '../../packages/auth-service/src/sso/own-session.ts'
import { unlimited } from '../support/unlimited.ts'
import { postJson, startWorld } from '../support/world.ts'

const LENGTH = 100_000
/** What is linear takes a few ms at most; what goes over each part again for each part takes seconds. */
const WITHIN_MS = 150

const fill = (unit: string, end = '') => unit.repeat(Math.ceil(LENGTH / unit.length)) + end
const EVIL: Record<string, string> = {
  spaces: fill(' ', 'x'),
  'tabs and spaces': fill('\t ', '\0'),
  'one letter': fill('a', '!'),
  letters: fill('ab', '\n'),
  digits: fill('1', 'x'),
  'not letters': fill('!', 'a'),
  'signs around letters': fill('!a'),
  dots: fill('.'),
  'dots between letters': fill('a.', '@'),
  '@': fill('@'),
  'a@': fill('a@a.'),
  colons: fill(':', ']'),
  brackets: fill('[', ']'),
  'brackets, closed': fill('[]'),
  parentheses: fill('('),
  'parentheses, closed': fill('()'),
  semicolons: fill(';'),
  'semicolons and spaces': fill('; '),
  'equals signs': fill('='),
  'cookies of one name': fill('carnet=x; '),
  'nearly a cookie': fill('carnet'),
  commas: fill(','),
  'commas and spaces': fill(', '),
  slashes: fill('/'),
  backslashes: fill('\\'),
  'dots and slashes': fill('../'),
  schemes: fill('https://'),
  percent: fill('%'),
  quotes: fill('"'),
  'a JSON type, nearly': `application/json${fill(' ')}x`,
  'many languages': fill('zh-Hant-TW,'),
  'one long language': fill('zh-'),
  qualities: fill(';q=0.1'),
  'addresses and ports': fill('1.2.3.4:5, '),
  'a trusted chain': fill('10.0.0.1, '),
  'browser names': fill('Mozilla/5.0 (X11; Linux) Firefox/1 '),
  versions: fill('Version/1.'),
  'combining marks': `a${fill('\u0301')}`,
  'long when normalised': fill('\ufdfa'),
  'long in lower case': fill('\u0130'),
  surrogates: fill('\ud800'),
  'Hangul letters': fill('\u1112\u1161\u11ab'),
}

const signer = new Signer(['n'.repeat(32)], 'shop')
const trust = parseTrustProxy('10.0.0.0/8')
const names = cookieNames('https://auth.example')
const PARSERS: Record<string, (text: string) => unknown> = {
  'soleCookie, parseCookies': text => [soleCookie(text, 'carnet'), parseCookies(text)],
  verifiedSids: text => verifiedSids(signer, text, 'carnet'),
  verifySid: text => verifySid(signer, text),
  'the remember cookie': text => readRememberCookie(`${names.remember}=${text}`, names, signer),
  siteOfTicket,
  returnTarget: text => returnTarget(text, 'https://shop.example', ['https://shop.example']),
  normalizeEmail,
  clientOf: text => clientOf({ peer: '10.0.0.1', headers: { 'x-forwarded-for': text } }, trust),
  languageFor,
  deviceName,
  parseDuration,
  requestOrigin: text => requestOrigin({ origin: text, 'sec-fetch-site': text }, ['https://a.example']),
  hasJsonBody: text => hasJsonBody({ 'content-type': text }),
  wantsJson: text => wantsJson({ accept: text }),
  isSpeculative: text => isSpeculative({ 'sec-purpose': text }),
  judgePassword: text => judgePassword(text, { minLength: 15, words: ['Carnet'] }),
}

/** The best of some tries, since noise only ever adds. */
async function timed(run: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 4 && best > WITHIN_MS; turn++) {
    const from = performance.now()
    await run()
    best = Math.min(best, performance.now() - from)
  }
  return best
}

for (const [parser, read] of Object.entries(PARSERS)) {
  test.serial(`denial of service: 100 kB of anything cost ${parser} next to nothing`, async t => {
    // The list of common passwords is read once.
    await read('something long enough')
    for (const [what, text] of Object.entries(EVIL)) {
      const ms = await timed(() => read(text))
      t.true(ms < WITHIN_MS, `${what}: ${ms} ms`)
    }
  })
}

test.serial(
  'denial of service: what names a person is cut short before it is looked for in a password',
  async t => {
    for (const [what, text] of Object.entries(EVIL)) {
      const words = [text.slice(0, 2_000), text.slice(0, 254)]
      const ms = await timed(() => judgePassword(text.slice(0, 2_048), { minLength: 15, words }))
      t.true(ms < WITHIN_MS, `${what}: ${ms} ms`)
    }
  },
)

test.serial('a manifest of 20 kB of nonsense is refused without much ado', async t => {
  for (const [what, text] of Object.entries(EVIL)) {
    // Operators write it, so seconds would do; what counts is that it ends.
    const from = performance.now()
    t.throws(() => parseManifest(text.slice(0, 20_000), 'f'), { instanceOf: ManifestError }, what)
    t.true(performance.now() - from < 5_000, what)
  }
})

test.serial(
  'denial of service: no field or parameter of a request keeps the service busy, whatever stands in it',
  async t => {
    const world = await startWorld()
    t.teardown(() => world.close())
    unlimited(world)
    const { auth, shop } = world
    const browser = new Browser()
    const fields = { name: 'N', email: 'a@b.example', password: 'short', passwordAgain: 'short' }
    for (const [what, text] of Object.entries(EVIL)) {
      // As much as a body and an address may hold.
      const long = text.slice(0, 9_000).toWellFormed()
      const value = encodeURIComponent(long)
        .slice(0, 15_000)
        .replace(/%[0-9A-F]?$/, '')
      const asked: Record<string, () => Promise<{ status: number }>> = {
        sign_up: () => postJson(browser, `${auth}/signup`, { ...fields, name: long }),
        password: () =>
          postJson(browser, `${auth}/signup`, { ...fields, password: long, passwordAgain: long }),
        email: () => postJson(browser, `${auth}/password/forgot`, { email: long }),
        token: () => postJson(browser, `${auth}/verify-email`, { token: long, password: 'x' }),
        return_to: () => browser.request(`${auth}/signin?return_to=${value}`),
        state: () => browser.request(`${auth}/authorize?site=shop&state=${value}`),
        agent: () => browser.request(`${shop}/api/signin?return_to=${value}`),
        ticket: () => browser.request(`${shop}/api/auth.gif?ticket=${value}`),
      }
      for (const [where, ask] of Object.entries(asked)) {
        let status = 0
        const ms = await timed(async () => {
          status = (await ask()).status
        })
        t.true(status > 0 && status < 500, `${where}: ${what}: ${status}`)
        t.true(ms < WITHIN_MS, `${where}: ${what}: ${ms} ms`)
      }
    }
  },
)
