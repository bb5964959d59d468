import { type ChainableCommander, Cluster, Redis, type RedisOptions } from 'ioredis'
import { CarnetError } from '../errors.ts'
import { sessionHandle } from '../handle.ts'
import {
  parseSession,
  type SessionRecord,
  serializeSession,
  serializeUser,
  type User,
} from '../session-record.ts'
import type { TicketRecord } from '../ticket-record.ts'
import { RemoteClock } from './clock.ts'
import { REVOKED_CHANNEL, sessionKey, ticketKey, tombstoneKey } from './keys.ts'
import { SCRIPTS } from './redis-scripts.ts'
import type { BurntTicket, NewTicket, Store } from './store.ts'

const COMMAND_DEADLINE_MS = 300
const READ_CLOCK_EVERY_MS = 5_000
// A process is busiest when it starts, and a late answer makes a slow clock: the best of three is kept.
const FIRST_READINGS = 3

/** Options that keep a command from outliving its request: what cannot be sent now fails now, and nothing is sent twice. */
const STRICT = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_DEADLINE_MS,
  connectTimeout: 1_000,
  retryStrategy: (tries: number) => Math.min(50 * 2 ** (tries - 1), 1_000) + Math.random() * 100,
  scripts: SCRIPTS,
} satisfies RedisOptions

/** Sessions and tickets in Redis 7 or later: one server, or a cluster. */
export class RedisStore implements Store {
  readonly #redis: Redis | Cluster
  readonly #clock = new RemoteClock()
  readonly #clockReader: NodeJS.Timeout
  readonly #onError: (error: Error) => void
  readonly #subscribers = new Set<Redis | Cluster>()

  /** Connects at once. `onError` hears of connection faults, which the verbs report as `store_unavailable`. */
  constructor(url: string, onError: (error: Error) => void = () => {}) {
    this.#onError = onError
    this.#redis = connect(url)
    this.#redis.on('error', onError)
    this.#redis.on('ready', () => void this.#readClock(FIRST_READINGS))
    this.#redis.on('close', () => this.#clock.reset())
    this.#clockReader = setInterval(() => void this.#readClock(1), READ_CLOCK_EVERY_MS).unref()
  }

  now(): number {
    return this.#clock.now()
  }

  async start(sid: string, session: SessionRecord, until: number): Promise<boolean> {
    const started = await answered(
      this.#redis.carnetStart(sessionKey(sid), tombstoneKey(sid), serializeSession(session), until),
    )
    return started === 1
  }

  async read(sid: string): Promise<SessionRecord | null> {
    const stored = await answered(this.#redis.get(sessionKey(sid)))
    return stored === null ? null : parseSession(stored)
  }

  async ends(sids: readonly string[]): Promise<(number | null)[]> {
    if (sids.length === 0) return []
    const pipeline = this.#redis.pipeline()
    for (const sid of sids) pipeline.pexpiretime(sessionKey(sid))
    return (await executed(pipeline)).map(until => (Number(until) > 0 ? Number(until) : null))
  }

  async renew(sid: string, user: User, revision: number): Promise<boolean> {
    const renewed = await answered(this.#redis.carnetRenew(sessionKey(sid), revision, serializeUser(user)))
    return renewed === 1
  }

  async touch(sid: string, until: number): Promise<boolean> {
    // PEXPIREAT makes no key, and GT lets no late touch shorten a life.
    const key = sessionKey(sid)
    const replies = await executed(this.#redis.pipeline().pexpireat(key, until, 'GT').exists(key))
    return replies[1] === 1
  }

  async revoke(sid: string, rememberUntil: number): Promise<boolean> {
    const ended = await answered(
      this.#redis.carnetRevoke(
        sessionKey(sid),
        tombstoneKey(sid),
        REVOKED_CHANNEL,
        sessionHandle(sid),
        rememberUntil,
      ),
    )
    return ended === 1
  }

  async wasRevoked(sid: string): Promise<boolean> {
    return (await answered(this.#redis.exists(tombstoneKey(sid)))) === 1
  }

  async issue(tickets: readonly NewTicket[]): Promise<void> {
    if (tickets.length === 0) return
    const pipeline = this.#redis.pipeline()
    for (const { ticket, record, until } of tickets) {
      pipeline.set(
        ticketKey(ticket),
        `${sessionKey(record.sid)}\n${JSON.stringify(record)}`,
        'PXAT',
        until,
        'NX',
      )
    }
    await executed(pipeline)
  }

  async redeem(ticket: string): Promise<BurntTicket | null> {
    const burnt = await answered(this.#redis.carnetRedeem(ticketKey(ticket)))
    if (burnt === null) return null
    const [stored, session] = burnt
    // Only the auth service writes tickets, and JSON.stringify wrote this one.
    const record = JSON.parse(stored.slice(stored.indexOf('\n') + 1)) as TicketRecord
    return { record, session: session === null ? null : parseSession(session) }
  }

  async onRevoked(listener: (handle: string) => void): Promise<() => Promise<void>> {
    const subscriber = this.#redis instanceof Cluster ? this.#redis.duplicate() : this.#redis.duplicate()
    this.#subscribers.add(subscriber)
    subscriber.on('error', () => {})
    subscriber.on('message', (_channel: string, handle: string) => listener(handle))
    await ready(subscriber)
    await answered(subscriber.subscribe(REVOKED_CHANNEL))
    return async () => {
      this.#subscribers.delete(subscriber)
      subscriber.disconnect()
    }
  }

  async ping(): Promise<void> {
    await answered(this.#redis.ping())
    this.now()
  }

  async close(): Promise<void> {
    clearInterval(this.#clockReader)
    for (const connection of [this.#redis, ...this.#subscribers]) connection.disconnect()
  }

  /** Resolves when the store can serve, or after `withinMs` all the same: it goes on trying. */
  async settled(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs
    while (performance.now() < deadline) {
      try {
        return await this.ping()
      } catch {
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    }
  }

  async #readClock(times: number): Promise<void> {
    const nodes = this.#redis instanceof Cluster ? this.#redis.nodes('master') : [this.#redis]
    try {
      for (let reading = 0; reading < times; reading++) {
        const answers = await Promise.all(nodes.map(node => node.time()))
        const moments = answers.map(([seconds, micros]) => Number(seconds) * 1000 + Number(micros) / 1000)
        if (moments.length > 0) this.#clock.read(Math.min(...moments))
      }
    } catch (error) {
      // The next reading, or the next connection, tries again; until then the old readings hold.
      this.#onError(error as Error)
    }
  }
}

function connect(url: string): Redis | Cluster {
  if (!url.startsWith('redis+cluster:')) return new Redis(url, STRICT)
  const { username, password, nodes } = parseCluster(url)
  const { scripts, retryStrategy, ...redisOptions } = STRICT
  return new Cluster(nodes, {
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    scripts,
    redisOptions: { ...redisOptions, ...(username && { username }), ...(password && { password }) },
  })
}

// `redis+cluster://user:password@h1:6379,h2:6380`: several hosts make it no URL that the WHATWG parser takes.
function parseCluster(url: string): {
  username: string
  password: string
  nodes: { host: string; port: number }[]
} {
  const match = /^redis\+cluster:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)\/?$/.exec(url)
  if (match === null) {
    throw new TypeError('A cluster is named like redis+cluster://host1:6379,host2:6379.')
  }
  const nodes = (match[3] ?? '').split(',').map(entry => {
    const { hostname, port } = new URL(`redis://${entry}`)
    return { host: hostname, port: port === '' ? 6379 : Number(port) }
  })
  return {
    username: decodeURIComponent(match[1] ?? ''),
    password: decodeURIComponent(match[2] ?? ''),
    nodes,
  }
}

async function ready(connection: Redis | Cluster): Promise<void> {
  if (connection.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      connection.disconnect()
      reject(unavailable(new Error('No connection within 2 s.')))
    }, 2_000)
    connection.once('ready', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (cause) {
    throw unavailable(cause)
  }
}

async function executed(pipeline: ChainableCommander): Promise<unknown[]> {
  const replies = (await answered(pipeline.exec())) ?? []
  return replies.map(([error, reply]) => {
    if (error) throw unavailable(error)
    return reply
  })
}

function unavailable(cause: unknown): CarnetError {
  return new CarnetError('store_unavailable', 'The session store does not answer. Try again in a moment.', {
    cause,
  })
}
