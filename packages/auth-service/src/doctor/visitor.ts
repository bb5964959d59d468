import { authOrigin, cookieNames, type Manifest, type Secrets, Signer, siteSecrets } from '@carnet/protocol'
import { z } from 'zod'
import { CookieJar, lineOf, spoiltIn } from './cookie-jar.ts'
import { Broken } from './finding.ts'
import { FORGED } from './forged-address.ts'
import type { SiteSecret } from './secrets.ts'
import type { SiteOrigin } from './sites.ts'
import { ask, type Question, type Reply, reasonOf } from './web-client.ts'

/** How a bounce went. */
export interface Bounced {
  /** In ms, from the site and back to it. */
  readonly took: number
  /** Whether the agent took a forged address for the client's. */
  readonly believedForged: boolean
  /** The address of this machine that the site was asked from. */
  readonly from: string
  /** The secret that signs there: the newest, an older one, or none that is known. */
  readonly secret: SiteSecret
}

const envelope = z.object({
  error: z
    .string()
    .regex(/^\w{1,40}$/)
    .optional(),
  data: z
    .object({
      user: z.object({ id: z.string(), email: z.string() }).optional(),
      returnTo: z.string().optional(),
    })
    .optional(),
})

const NAVIGATION = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const FORWARD_COOKIES = 'let the proxy there forward'

/** A browser without a person, which goes where people go. Each step throws `Broken` where it cannot be taken. */
export class Visitor {
  readonly #jar = new CookieJar()
  readonly #manifest: Manifest
  readonly #secrets: Secrets
  readonly #signal: AbortSignal

  constructor(manifest: Manifest, secrets: Secrets, signal: AbortSignal) {
    this.#manifest = manifest
    this.#secrets = secrets
    this.#signal = signal
  }

  /** Signs in at the auth service, with a forged address; the answer. */
  async signIn({ email, password }: { email: string; password: string }): Promise<Reply> {
    const { auth } = this.#manifest
    const headers = { origin: authOrigin(this.#manifest), ...FORGED }
    const reply = await this.#ask(`${auth}/signin`, { method: 'POST', headers, json: { email, password } })
    const error = read(reply).error ?? codeOf(reply)
    if (reply.status === 429) {
      throw new Broken('round', 'warning', 'sign-ins are limited at the moment: try again in a minute.')
    }
    if (error === 'invalid_credentials') {
      throw new Broken(
        'round',
        'fault',
        `the service at ${auth} does not know the account that was made for this: it works on another database than CARNET_DATABASE_URL names here. Run the doctor with the environment of the service.`,
      )
    }
    if (reply.status !== 200) {
      throw new Broken(
        'round',
        'fault',
        `the sign-in at ${auth} was refused (${`${reply.status} ${error}`.trim()}): see to the service's log, and to the proxy in front of it.`,
      )
    }
    this.#expectCookie(auth, reply, `${cookieNames(auth).session}=`)
    return reply
  }

  /** Whether the auth service takes the browser for signed in; how long the answer took. */
  async knownAtAuth(): Promise<{ known: boolean; took: number }> {
    const { status, took } = await this.#ask(`${this.#manifest.auth}/account/sessions`)
    return { known: status === 200, took }
  }

  /** Goes to a site by way of the auth service, as a page for members sends browsers. */
  async bounce({ site, origin }: SiteOrigin): Promise<Bounced> {
    const names = cookieNames(origin)
    const start = await this.#ask(`${origin}/api/signin?return_to=%2F`, { headers: NAVIGATION })
    const toAuth = this.#redirect(start, `${this.#manifest.auth}/authorize?`, 'a bounce', origin)
    this.#expectCookie(origin, start, names.nonce)
    const there = await this.#authorize(toAuth, origin)
    let took = start.took + there.took
    let back = await this.#comeBack(there.location, origin, FORGED)
    took += back.took
    // Refused once, an agent begins anew: without the forged address that has to succeed.
    const again = back.headers.location?.startsWith(`${this.#manifest.auth}/authorize?`) === true
    if (again) {
      const secondTime = await this.#authorize(back.headers.location ?? '', origin)
      back = await this.#comeBack(secondTime.location, origin, {})
      took += secondTime.took + back.took
    }
    if (back.status !== 303 && back.status !== 302) throw refusedBack(site.id, origin, back)
    this.#expectCookie(origin, back, `${names.session}=`)
    return { took, believedForged: again, from: back.from, secret: this.#signerAt(site.id, origin) }
  }

  /** Whose session a site sees: an address, or null. */
  async whoAt(origin: string): Promise<string | null> {
    const reply = await this.#ask(`${origin}/api/session`, { headers: { 'sec-fetch-site': 'same-origin' } })
    return reply.status === 200 ? (read(reply).data?.user?.email ?? null) : null
  }

  /** Signs out at a site, or at the auth service. */
  async signOut(base: string): Promise<Reply> {
    const { origin } = new URL(base)
    const path = base === this.#manifest.auth ? '/signout' : '/api/signout'
    const headers = { origin, 'sec-fetch-site': 'same-origin' }
    const reply = await this.#ask(`${base}${path}`, { method: 'POST', headers, json: {} })
    if (reply.status === 200) return reply
    throw new Broken(
      'round',
      'fault',
      `the sign-out at ${origin} was refused (${`${reply.status} ${codeOf(reply)}`.trim()}): see to its log, and let the proxy there forward POST with its headers.`,
    )
  }

  async #authorize(url: string, origin: string): Promise<{ location: string; took: number }> {
    let reply = await this.#ask(url)
    let { took } = reply
    const { data } = read(reply)
    if (reply.status === 200 && data?.user !== undefined) {
      // A site that people are asked about.
      const headers = { origin: authOrigin(this.#manifest) }
      const answer = await this.#ask(url, { method: 'POST', headers, json: { user: data.user.id } })
      reply = await this.#ask(read(answer).data?.returnTo ?? url)
      took += answer.took + reply.took
    }
    const location = this.#redirect(reply, `${origin}/api/auth?`, 'the way back', this.#manifest.auth)
    return { location, took }
  }

  #comeBack(url: string, origin: string, headers: Record<string, string>): Promise<Reply> {
    return this.#ask(url, { headers: { ...NAVIGATION, referer: `${origin}/`, ...headers } })
  }

  #redirect(reply: Reply, expected: string, what: string, at: string): string {
    const { location = '' } = reply.headers
    if (location.startsWith(expected)) return location
    // Where it leads instead is told without its query, which may hold a ticket.
    const instead =
      location === '' ? `${reply.status}` : `a redirect to ${location.split(/[?#]/, 1)[0]?.slice(0, 200)}`
    throw new Broken(
      'round',
      'fault',
      `${at} answers ${what} with ${instead} where ${expected.slice(0, -1)} was to come: see that site, service and doctor have one and the same manifest, and that the proxy leaves Location alone.`,
    )
  }

  /** Has an answer set a cookie as it was meant. */
  #expectCookie(url: string, reply: Reply, name: string): void {
    const line = lineOf(reply.cookies, name)
    const { origin } = new URL(url)
    if (line === null) {
      throw new Broken('cookies', 'fault', `${origin} sets no cookie: ${FORWARD_COOKIES} Set-Cookie.`)
    }
    const spoilt = spoiltIn(line, url)
    if (spoilt === null) return
    throw new Broken(
      'cookies',
      'fault',
      `the cookie of ${origin} ${spoilt} on its way: ${FORWARD_COOKIES} Set-Cookie as it is.`,
    )
  }

  /** Whose signature the session cookie of a site bears. */
  #signerAt(id: string, origin: string): SiteSecret {
    const value = this.#jar.value(origin, cookieNames(origin).session) ?? ''
    const [newest, ...older] = siteSecrets(this.#secrets, id)
    if (new Signer([newest], id).verify('session', value) !== null) return 'newest'
    return older.some(secret => new Signer([secret], id).verify('session', value) !== null)
      ? 'older'
      : 'foreign'
  }

  async #ask(url: string, question: Question = {}): Promise<Reply> {
    const cookie = this.#jar.header(url)
    const headers = { ...question.headers, ...(cookie !== null && { cookie }) }
    const reply = await ask(url, { ...question, headers, signal: this.#signal }).catch(error => {
      if (this.#signal.aborted) throw error
      const { origin } = new URL(url)
      throw new Broken('round', 'fault', `${origin} was lost on the way: ${reasonOf(error)}. Try again.`)
    })
    this.#jar.keep(url, reply.cookies)
    return reply
  }
}

const WHY: Record<string, [about: string, says: string]> = {
  state_mismatch: [
    'cookies',
    `the cookie that it has just set does not come back: ${FORWARD_COOKIES} Cookie. Or several processes of the site have different secrets.`,
  ],
  ticket_unknown: [
    'round',
    'the ticket is not known there: give the site the store that the auth service has (CARNET_REDIS_URL), or it takes longer than ticket.ttl to come by.',
  ],
  session_gone: ['round', 'the session is gone there: give the site the store that the auth service has.'],
  ticket_wrong_client: [
    'proxy',
    'the site sees another address than the auth service: name the proxies in front of each, and no others, in its CARNET_TRUST_PROXY.',
  ],
  ticket_wrong_site: ['round', 'the agent is for another site: see to its CARNET_SITE.'],
  store_unavailable: ['round', 'its store does not answer: see to its CARNET_REDIS_URL.'],
}

function refusedBack(id: string, origin: string, reply: Reply): Broken {
  const code = codeOf(reply)
  const [about, says] = WHY[code] ?? ['round', "see to the site's log, and to the proxy in front of it."]
  return new Broken(about, 'fault', `${id}: ${origin} signs nobody in (${code || reply.status}): ${says}`)
}

/** The code of a refusal, as its header names it; empty where there is none. */
function codeOf({ headers }: Reply): string {
  const code = String(headers['carnet-error'] ?? '')
  return /^\w{1,40}$/.test(code) ? code : ''
}

function read({ body }: Reply): z.output<typeof envelope> {
  try {
    return envelope.safeParse(JSON.parse(body)).data ?? {}
  } catch {
    return {}
  }
}
