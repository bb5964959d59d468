import { type ChainableCommander, Cluster, type Redis } from 'ioredis'
import { sessionHandle } from '../handle.ts'
import { parseReport, type Report, type SiteReport } from '../report.ts'
import {
  parseSession,
  type SessionRecord,
  serializeSession,
  serializeUser,
  type User,
} from '../session-record.ts'
import type { TicketRecord } from '../ticket-record.ts'
import { RemoteClock } from './clock.ts'
import {
  admittedKey,
  laneOf,
  lanes,
  MOST_REPORTS,
  nonceKey,
  reportsKey,
  sessionKey,
  ticketKey,
  tombstoneKey,
  unnotedKey,
} from './keys.ts'
import { answered, executed, unavailable } from './redis-answers.ts'
import { connectRedis } from './redis-connection.ts'
import { RevocationLink } from './redis-link.ts'
import { Reigns } from './redis-reigns.ts'
import { Revoker } from './redis-revoker.ts'
import { parseRedisUrl } from './redis-url.ts'
import type { BurntTicket, NewTicket, Revocation, Store, Touch, Watch, Watcher } from './store.ts'

const READ_CLOCK_EVERY_MS = 5_000
// A process is busiest when it starts, and a late answer makes a slow clock: the best of three is kept.
const FIRST_READINGS = 3
const NOTED_AT_ONCE = 500
const UNNOTED_ROUNDS = 60
// Five times what 1,000 of the longest reports take.
const REPORTS_BYTES = 1_048_576
const REPORTS_KEPT_MS = 86_400_000

/** Sessions and tickets in Redis 7 or later: one server, one behind sentinels, or a cluster. */
export class RedisStore implements Store {
  readonly #redis: Redis | Cluster
  readonly #clock = new RemoteClock()
  readonly #clockReader: NodeJS.Timeout
  readonly #onError: (error: Error) => void
  readonly #reigns: Reigns
  readonly #link: RevocationLink
  readonly #revoker: Revoker

  /** Connects at once. `onError` hears of connection faults, which the verbs report as `store_unavailable`. Throws a `TypeError` for what names no Redis. */
  constructor(url: string, onError: (error: Error) => void = () => {}) {
    const target = parseRedisUrl(url)
    this.#onError = onError
    this.#redis = connectRedis(target, onError)
    this.#reigns = new Reigns(this.#redis, {
      expectsReplicas: target.kind === 'sentinel',
      begun: () => void this.#readClock(FIRST_READINGS, { anew: true }),
    })
    this.#redis.on('close', () => this.#clock.reset())
    this.#clockReader = setInterval(() => void this.#readClock(1), READ_CLOCK_EVERY_MS).unref()
    const connect = () => connectRedis(target, () => {})
    this.#link = new RevocationLink(this.#redis, { connect, reigns: this.#reigns, clock: this.#clock })
    this.#revoker = new Revoker(this.#redis, target, { reigns: this.#reigns, link: this.#link })
  }

  now(): number {
    return this.#clock.now()
  }

  async read(sid: string): Promise<SessionRecord | null> {
    const stored = await this.#read(sessionKey(sid))
    if (stored === null) return null
    const session = parseSession(stored)
    // A site may touch what it knows, and one that is in wrong hands would do so for ever.
    return this.#clock.local(session.expiresAt) <= performance.now() ? null : session
  }

  async touch(touches: readonly Touch[]): Promise<boolean[]> {
    const keys = touches.map(({ sid }) => sessionKey(sid))
    // PEXPIREAT makes no key, and GT lets no late touch shorten a life.
    const moved = await this.#together(keys, (step, key, index) =>
      step.pexpireat(key, touches[index]?.until ?? 0, 'GT'),
    )
    const unmoved = keys.filter((_, index) => moved[index] !== 1)
    const there = await this.#together(unmoved, (step, key) => step.exists(key))
    const gone = new Set(unmoved.filter((_, index) => there[index] !== 1))
    return keys.map(key => !gone.has(key))
  }

  async redeem(ticket: string): Promise<BurntTicket | null> {
    const key = ticketKey(ticket)
    const { id } = this.#reigns.inOrder(key) ?? (await this.#reigns.of(key))
    const stored = await answered(this.#redis.getdel(key))
    if (stored === null) return null
    const [reign, record] = stored.split('\n', 2) as [string, string]
    if (reign !== id) this.#reigns.lookAgain(key)
    // Its burning may be what a lost master took with it: also where another one took over meanwhile, and answered.
    if (reign !== id || this.#reigns.known(key)?.id !== id) return null
    // Only the auth service writes tickets, and JSON.stringify wrote this one.
    const burnt = JSON.parse(record) as TicketRecord
    return { record: burnt, session: await this.read(burnt.sid) }
  }

  async burn(ticket: string): Promise<boolean> {
    return (await answered(this.#redis.del(ticketKey(ticket)))) === 1
  }

  async revoke(sid: string, revocation: Revocation): Promise<boolean> {
    return this.#revoker.revoke(sid, revocation)
  }

  watch(watcher: Watcher): Watch {
    const remove = this.#link.add(watcher)
    return {
      isCurrent: digit => this.#link.isCurrent(digit),
      currentFor: digit => this.#link.currentFor(digit),
      stop: async () => remove(),
    }
  }

  async ping(): Promise<void> {
    await answered(this.#redis.ping())
    await this.#reigns.all()
    this.now()
  }

  async close(): Promise<void> {
    clearInterval(this.#clockReader)
    this.#reigns.close()
    this.#revoker.close()
    this.#link.close()
    this.#redis.disconnect()
  }

  async start(sid: string, session: SessionRecord, until: number): Promise<boolean> {
    const key = sessionKey(sid)
    await this.#reigns.of(key)
    const started = await answered(
      this.#redis.carnetStart(key, tombstoneKey(sid), serializeSession(session), until),
    )
    return started === 1
  }

  async ends(sids: readonly string[]): Promise<(number | null)[]> {
    const ends = await this.#together(sids.map(sessionKey), (step, key) => step.pexpiretime(key))
    return ends.map(until => (Number(until) > 0 ? Number(until) : null))
  }

  async renew(sid: string, user: User, revision: number): Promise<boolean> {
    const key = sessionKey(sid)
    const renewed = await answered(this.#redis.carnetRenew(key, revision, serializeUser(user)))
    const handle = sessionHandle(sid)
    await this.#link.forget(laneOf(handle, this.#isCluster), handle, 'changed')
    return renewed === 1
  }

  async wasRevoked(sid: string): Promise<boolean> {
    const key = tombstoneKey(sid)
    await this.#reigns.of(key)
    return (await answered(this.#redis.exists(key))) === 1
  }

  async issue(tickets: readonly NewTicket[]): Promise<void> {
    const [first] = tickets
    if (first === undefined) return
    const { id } = await this.#reigns.of(ticketKey(first.ticket))
    const pipeline = this.#redis.pipeline()
    for (const { ticket, record, until } of tickets) {
      pipeline.set(ticketKey(ticket), `${id}\n${JSON.stringify(record)}`, 'PXAT', until, 'NX')
    }
    await executed(pipeline)
  }

  async admit(sid: string, site: string, until: number): Promise<void> {
    const key = admittedKey(sid)
    const step = this.#redis.pipeline()
    // NX where it had no end yet, GT so that none comes nearer.
    await executed(step.sadd(key, site).pexpireat(key, until, 'NX').pexpireat(key, until, 'GT'))
  }

  async admitted(sids: readonly string[], site: string): Promise<boolean[]> {
    const replies = await this.#together(sids.map(admittedKey), (step, key) => step.sismember(key, site))
    return replies.map(reply => reply === 1)
  }

  async once(site: string, nonce: string, until: number): Promise<boolean> {
    return (await answered(this.#redis.set(nonceKey(site, nonce), '', 'PXAT', until, 'NX'))) === 'OK'
  }

  async unnoted(): Promise<string[]> {
    return (await Promise.all(lanes(this.#isCluster).map(lane => this.#unnotedIn(lane)))).flat()
  }

  async noted(handles: readonly string[]): Promise<void> {
    await Promise.all(
      lanes(this.#isCluster).map(async lane => {
        const here = handles.filter(handle => laneOf(handle, this.#isCluster) === lane)
        if (here.length > 0) await answered(this.#redis.srem(unnotedKey(lane), ...here))
      }),
    )
  }

  async report(site: string, reports: readonly Report[]): Promise<void> {
    const key = reportsKey(site)
    const texts = reports.map(report => JSON.stringify(report))
    const step = this.#redis.pipeline()
    step
      .lpush(key, ...texts)
      .ltrim(key, 0, MOST_REPORTS - 1)
      .pexpire(key, REPORTS_KEPT_MS)
    await executed(step)
  }

  async reports(sites: readonly string[], dropped: (site: string) => void = () => {}): Promise<SiteReport[]> {
    const each = sites.map(async site => {
      // The first to be told is the last in the list.
      const texts = await answered(this.#redis.carnetReports(reportsKey(site), MOST_REPORTS, REPORTS_BYTES))
      if (texts === null) dropped(site)
      const reports = (texts ?? []).map(parseReport).filter(report => report !== null)
      return reports.map(report => ({ site, report }))
    })
    const outcomes = await Promise.allSettled(each)
    const refused = outcomes.filter(outcome => outcome.status === 'rejected')
    // What came is taken from the store already: no other site's fault may lose it.
    if (refused.length > 0 && refused.length === sites.length) throw refused[0]?.reason
    return outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? outcome.value : []))
  }

  async beat(): Promise<void> {
    await this.#reigns.confirm()
    await this.#link.beat()
  }

  evicts(): boolean {
    return this.#reigns.evicts()
  }

  keep(replay: () => Promise<void>): void {
    this.#reigns.keep(replay)
  }

  /** Resolves at the first contact, or after `withinMs` all the same: it goes on trying. */
  async settled(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs
    while (performance.now() < deadline) {
      try {
        return void this.now()
      } catch {
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    }
  }

  get #isCluster(): boolean {
    return this.#redis instanceof Cluster
  }

  /** Some handles of a lane. Goes on while junk is met, which would hide them: of 50,000 entries none is left after two calls. */
  async #unnotedIn(lane: string): Promise<string[]> {
    const handles = new Set<string>()
    for (let round = 0; round < UNNOTED_ROUNDS && handles.size < NOTED_AT_ONCE; round++) {
      const [junk, ...some] = await answered(this.#redis.carnetUnnoted(unnotedKey(lane), NOTED_AT_ONCE))
      for (const handle of some) handles.add(handle)
      if (junk === 0) break
    }
    return [...handles]
  }

  /** A command for each key, in one round trip to each master; the replies in the order of the keys. */
  async #together(
    keys: readonly string[],
    command: (step: ChainableCommander, key: string, index: number) => unknown,
  ): Promise<unknown[]> {
    const replies: unknown[] = []
    const byMaster = Map.groupBy(keys.keys(), index => this.#reigns.masterOf(keys[index] ?? ''))
    await Promise.all(
      [...byMaster.values()].map(async indexes => {
        const step = this.#redis.pipeline()
        for (const index of indexes) command(step, keys[index] ?? '', index)
        for (const [nth, reply] of (await executed(step)).entries()) replies[indexes[nth] ?? 0] = reply
      }),
    )
    return replies
  }

  /** Reads from a master that is in order; where another took over meanwhile, from that one. */
  async #read(key: string, turn = 0): Promise<string | null> {
    const { id } = this.#reigns.inOrder(key) ?? (await this.#reigns.of(key))
    const stored = await answered(this.#redis.get(key))
    if (this.#reigns.known(key)?.id === id) return stored
    if (turn > 0) throw unavailable(new Error('The masters are changing.'))
    return this.#read(key, turn + 1)
  }

  async #readClock(times: number, { anew = false }: { anew?: boolean } = {}): Promise<void> {
    const nodes = this.#redis instanceof Cluster ? this.#redis.nodes('master') : [this.#redis]
    try {
      for (let reading = 0; reading < times; reading++) {
        const answers = await Promise.all(nodes.map(node => node.time()))
        const moments = answers.map(([seconds, micros]) => Number(seconds) * 1000 + Number(micros) / 1000)
        if (moments.length === 0) return
        if (anew && reading === 0) this.#clock.reset()
        this.#clock.read(Math.min(...moments))
      }
    } catch (error) {
      // The next reading, or the next connection, tries again; until then the old readings hold.
      this.#onError(error as Error)
    }
  }
}
