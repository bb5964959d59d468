import { setTimeout } from 'node:timers/promises'
import type { AuditEvent } from '../accounts/audit.ts'
import type { Config } from '../config.ts'
import { about, Broken, type Finding, plural } from './finding.ts'
import { judgeAgent, judgeService } from './forged-address.ts'
import { inParallel } from './in-parallel.ts'
import { judgeSiteSecret } from './secrets.ts'
import type { SiteOrigin } from './sites.ts'
import type { TemporaryAccount } from './temporary-account.ts'
import { Visitor } from './visitor.ts'

const GONE_WITHIN_MS = 3_000
const LOOK_EVERY_MS = 50

const { ok, fault } = about('round')

/** One way through all parts, and what was seen on it. */
export class Walk {
  readonly findings: Finding[] = []
  /** What the audit log hears of. */
  readonly deeds: Set<AuditEvent> = new Set()
  readonly #config: Config
  readonly #account: TemporaryAccount
  readonly #visitor: Visitor
  readonly #signal: AbortSignal

  constructor(config: Config, account: TemporaryAccount, signal: AbortSignal) {
    this.#config = config
    this.#account = account
    this.#visitor = new Visitor(config.manifest, config.secrets, signal)
    this.#signal = signal
  }

  async go(open: readonly SiteOrigin[]): Promise<void> {
    const { auth } = this.#config.manifest
    const { took, from } = await this.#visitor.signIn(this.#account)
    this.deeds.add('signin')
    this.findings.push(ok(`signed in at ${auth} in ${ms(took)}`))
    this.findings.push(...judgeService(await this.#account.network(), from, this.#config))
    const own = await this.#visitor.knownAtAuth()
    if (!own.known) {
      throw new Broken(
        'cookies',
        'fault',
        `the cookie of ${auth} is not taken on the next request: let the proxy there forward Cookie, and give all processes of the service the same CARNET_SECRETS.`,
      )
    }
    const outcomes = await inParallel(open, place => this.#visit(place))
    const signedIn = outcomes.filter(place => place !== null)
    const [first, ...others] = signedIn
    const where = `${auth} and ${signedIn.length} of ${plural(open.length, 'origin')} of sites`
    this.findings.push(about('cookies').ok(`set as they are meant, kept and sent at ${where}`))
    await this.#signOut(first?.origin ?? auth, others)
  }

  /** Takes the visitor to a site; null where that failed. */
  async #visit(place: SiteOrigin): Promise<SiteOrigin | null> {
    const { site, origin } = place
    try {
      const bounced = await this.#visitor.bounce(place)
      const began = performance.now()
      const who = await this.#visitor.whoAt(origin)
      const took = performance.now() - began
      if (who !== this.#account.email) {
        throw new Broken(
          'cookies',
          'fault',
          `${site.id}: the session cookie of ${origin} is not taken on the next request: let the proxy there forward Cookie and cache nothing below /api/, and give all processes of the site the same secrets.`,
        )
      }
      this.findings.push(
        ok(`${site.id}: signed in at ${origin} by a bounce in ${ms(bounced.took)}, seen in ${ms(took)}`),
        ...judgeAgent(place, bounced),
        ...judgeSiteSecret(place, bounced.secret),
      )
      return place
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      this.findings.push(error.finding)
      return null
    }
  }

  async #signOut(at: string, others: readonly SiteOrigin[]): Promise<void> {
    const { auth } = this.#config.manifest
    const { took } = await this.#visitor.signOut(at)
    this.deeds.add('session_revoked')
    this.findings.push(ok(`signed out at ${at} in ${ms(took)}`))
    const began = performance.now()
    const places = [
      { name: auth, isIn: async () => (await this.#visitor.knownAtAuth()).known },
      ...others.map(({ site, origin }) => ({
        name: `${site.id} (${origin})`,
        isIn: async () => (await this.#visitor.whoAt(origin)) !== null,
      })),
    ]
    const gone = await inParallel(places, async ({ isIn }) => {
      for (;;) {
        if (!(await isIn())) return true
        if (performance.now() - began > GONE_WITHIN_MS) return false
        await setTimeout(LOOK_EVERY_MS, undefined, { signal: this.#signal })
      }
    })
    const late = places.filter((_, index) => !gone[index])
    for (const { name } of late) {
      this.findings.push(
        fault(
          `${name} still takes for signed in who signed out at ${at} ${GONE_WITHIN_MS / 1000} s ago: give it the store that the others have, and let no cache keep what is below /api/.`,
        ),
      )
    }
    if (late.length === 0)
      this.findings.push(ok(`gone everywhere else within ${ms(performance.now() - began)}`))
  }
}

function ms(time: number): string {
  return `${Math.round(time)} ms`
}
