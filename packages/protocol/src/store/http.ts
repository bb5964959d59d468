import type { Report } from '../report.ts'
import type { SessionRecord } from '../session-record.ts'
import { answers } from '../wire.ts'
import { RemoteClock } from './clock.ts'
import { HttpLink } from './http-link.ts'
import { dataOf, HttpRequests, type Signatory } from './http-requests.ts'
import type { AgentStore, BurntTicket, Touch, Watch, Watcher } from './store.ts'

const READ_CLOCK_EVERY_MS = 5_000
const MOST_TOGETHER = 200

/** The store as the auth service gives it to a site whose agent reaches no Redis: the same verbs over HTTP. */
export class HttpStore implements AgentStore {
  readonly #requests: HttpRequests
  readonly #clock = new RemoteClock()
  readonly #link: HttpLink
  readonly #clockReader: NodeJS.Timeout
  readonly #onError: (error: Error) => void
  #isReadingClock = false

  /** Connects at once. `onError` hears of what the verbs report as `store_unavailable`. Throws a `TypeError` for what is no address of an auth service. */
  constructor(base: string, signatory: Signatory, onError: (error: Error) => void = () => {}) {
    this.#onError = onError
    this.#requests = new HttpRequests(base, signatory)
    const clockIsOff = () => void this.#readClock({ anew: true })
    this.#link = new HttpLink(this.#requests, { clock: this.#clock, clockIsOff, onError })
    this.#clockReader = setInterval(() => void this.#readClock(), READ_CLOCK_EVERY_MS).unref()
  }

  now(): number {
    return this.#clock.now()
  }

  async read(sid: string): Promise<SessionRecord | null> {
    const answer = await this.#requests.ask('GET', `/v1/sessions/${sid}`)
    return answer.error === 'not_found' ? null : dataOf(answer, answers.session)
  }

  async touch(touches: readonly Touch[]): Promise<boolean[]> {
    const live: boolean[] = []
    for (const some of inParts(touches)) {
      const answer = await this.#requests.ask('POST', '/v1/sessions/touch', { touches: some })
      live.push(...dataOf(answer, answers.live).live)
    }
    return live
  }

  async redeem(ticket: string): Promise<BurntTicket | null> {
    const answer = await this.#requests.ask('POST', '/v1/tickets/redeem', { ticket })
    return answer.error === 'ticket_unknown' ? null : dataOf(answer, answers.burnt)
  }

  async burn(ticket: string): Promise<boolean> {
    const { error } = await this.#requests.ask('POST', '/v1/tickets/redeem', { ticket })
    return error === 'ticket_wrong_site'
  }

  /** What is to be kept in mind, and for how long, is the auth service's to say. */
  async revoke(sid: string): Promise<boolean> {
    return dataOf(await this.#requests.ask('DELETE', `/v1/sessions/${sid}`), answers.ended).ended
  }

  watch(watcher: Watcher): Watch {
    const remove = this.#link.add(watcher)
    return {
      isCurrent: digit => this.#link.isCurrent(digit),
      currentFor: digit => this.#link.currentFor(digit),
      stop: async () => remove(),
    }
  }

  /** Whose reports they are is told by the signature. */
  async report(_site: string, reports: readonly Report[]): Promise<void> {
    for (const some of inParts(reports)) {
      dataOf(await this.#requests.ask('POST', '/v1/reports', { reports: some }), answers.none)
    }
  }

  async ping(): Promise<void> {
    const { now, tookMs } = await this.#time()
    this.#clock.read(now, tookMs)
  }

  async close(): Promise<void> {
    clearInterval(this.#clockReader)
    this.#link.close()
    this.#requests.close()
  }

  /** Resolves at the first contact, or after `withinMs` all the same: it goes on trying. */
  async settled(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs
    while (performance.now() < deadline && !(await this.#readClock())) {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  async #readClock({ anew = false }: { anew?: boolean } = {}): Promise<boolean> {
    if (this.#isReadingClock) return false
    this.#isReadingClock = true
    try {
      const { now, tookMs } = await this.#time()
      if (anew) this.#clock.reset()
      this.#clock.read(now, tookMs)
      return true
    } catch (error) {
      this.#onError(error as Error)
      return false
    } finally {
      this.#isReadingClock = false
    }
  }

  async #time(): Promise<{ now: number; tookMs: number }> {
    const askedAt = performance.now()
    const { now } = dataOf(await this.#requests.ask('GET', '/v1/time'), answers.time)
    return { now, tookMs: performance.now() - askedAt }
  }
}

/** What one request can bear at a time. */
function inParts<T>(all: readonly T[]): T[][] {
  const starts = Array.from(
    { length: Math.ceil(all.length / MOST_TOGETHER) },
    (_, nth) => nth * MOST_TOGETHER,
  )
  return starts.map(start => all.slice(start, start + MOST_TOGETHER))
}
