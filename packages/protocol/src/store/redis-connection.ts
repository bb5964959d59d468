import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { SCRIPTS } from './redis-scripts.ts'
import { parseRedisUrl, type RedisTarget } from './redis-url.ts'

const COMMAND_DEADLINE_MS = 300

// Half of the delay by chance: many processes that lost one server must not come back in one moment.
const backOff = (tries: number) =>
  Math.min(50 * 2 ** Math.min(tries - 1, 5), 1_000) * (0.5 + Math.random() / 2)

/** Options that keep a command from outliving its request: what cannot be sent now fails now, and nothing is sent twice. */
const STRICT = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_DEADLINE_MS,
  connectTimeout: 1_000,
  // A connection on which nothing comes back is given up: its other end may be gone without a word.
  socketTimeout: 1_000,
  // A master that became a replica: the next connection finds the new one.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions

/** A connection to a Redis or to a cluster. */
export type RedisClient = Redis | Cluster

/** Connects to the Redis that a URL names, for other ends than the store's. Throws a `TypeError` for what names none. */
export function openRedis(url: string, onError: (error: Error) => void): RedisClient {
  return connectRedis(parseRedisUrl(url), onError)
}

/** Connects to a Redis, at once and for as long as it takes. `onError` hears of connection faults. */
export function connectRedis(target: RedisTarget, onError: (error: Error) => void): Redis | Cluster {
  const redis = target.kind === 'cluster' ? connectCluster(target) : connectServer(target)
  redis.on('error', onError)
  return redis
}

/**
 * A client that goes on until it is told to stop. ioredis ends one for good, whatever its `retryStrategy`, where it hears
 * of a failover just while it asks the sentinels for the master.
 */
class Server extends Redis {
  #isStopped = false

  constructor(options: RedisOptions & { replyMapping?: 'legacy' }) {
    super(options)
    this.on('end', () => {
      if (!this.#isStopped) setTimeout(() => this.#goOn(), backOff(1))
    })
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.#isStopped = true
    super.disconnect(reconnect)
  }

  #goOn(): void {
    // Where it fails, it says so as an event, and tries again.
    if (!this.#isStopped) this.connect().catch(() => {})
  }
}

function connectServer(target: RedisTarget): Redis {
  return new Server({
    ...STRICT,
    ...credentials(target),
    // Who subscribes does so anew. Where ioredis does, and the connection is lost again meanwhile, nobody catches what it
    // says, and the process ends.
    autoResubscribe: false,
    retryStrategy: backOff,
    scripts: SCRIPTS,
    db: target.database,
    ...(target.kind === 'sentinel' ? sentinels(target) : target.nodes[0]),
  })
}

function sentinels(target: RedisTarget) {
  return {
    sentinels: target.nodes.map(node => ({ ...node })),
    name: target.name,
    sentinelRetryStrategy: backOff,
    sentinelCommandTimeout: COMMAND_DEADLINE_MS,
    // Hears from the sentinels of a new master, also where the old one still answers.
    failoverDetector: true,
    ...(target.sentinelPassword !== null && { sentinelPassword: target.sentinelPassword }),
    ...(target.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
  } satisfies RedisOptions
}

function connectCluster(target: RedisTarget): Cluster {
  return new Cluster([...target.nodes], {
    enableOfflineQueue: false,
    clusterRetryStrategy: backOff,
    clusterNodeRetryStrategy: backOff,
    // Nothing whose connection was lost is sent again: it may have been carried out.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 4,
    slotsRefreshTimeout: 1_000,
    slotsRefreshInterval: 2_000,
    shardedSubscribers: true,
    scripts: SCRIPTS,
    redisOptions: { ...STRICT, ...credentials(target) },
  })
}

function credentials({ username, password, tls }: RedisTarget) {
  return {
    ...(username !== null && { username }),
    ...(password !== null && { password }),
    ...(tls && { tls: {} }),
  }
}
