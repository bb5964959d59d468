import { Cluster, type Redis } from 'ioredis'
import { connectRedis } from './redis-connection.ts'
import { parseRedisUrl } from './redis-url.ts'

/** What a master says of itself. */
export interface RedisServer {
  /** `host:port`. */
  readonly address: string
  readonly version: string
  /** What it does when its memory is full, as `maxmemory-policy` names it. */
  readonly policy: string
  /** Whether it writes an append-only file. */
  readonly keepsLog: boolean
  readonly replicas: number
  /** How far its clock is ahead of this machine's, in ms; negative where it is behind. */
  readonly ahead: number
}

/** A Redis as who uses a URL finds it. */
export interface RedisFindings {
  /** The user of the URL, or null for the default one. */
  readonly user: string | null
  /** Whether that user may do no more than it is for; null where that could not be seen. */
  readonly restricted: boolean | null
  readonly masters: readonly RedisServer[]
}

const CONTACT_WITHIN_MS = 3_000

/** Looks at the masters of a Redis, and changes nothing. Throws an `Error` that says why it cannot be reached. */
export async function inspectRedis(url: string): Promise<RedisFindings> {
  const target = parseRedisUrl(url)
  let fault = 'it does not answer'
  const redis = connectRedis(target, error => {
    fault = reasonOf(error)
  })
  try {
    await contact(redis, () => fault)
    const masters = redis instanceof Cluster ? redis.nodes('master') : [redis]
    return {
      user: target.username,
      restricted: await isRestricted(masters[0] as Redis),
      masters: await Promise.all(masters.map(inspect)),
    }
  } finally {
    redis.disconnect()
  }
}

async function contact(redis: Redis | Cluster, fault: () => string): Promise<void> {
  const deadline = performance.now() + CONTACT_WITHIN_MS
  for (;;) {
    if (redis.status === 'ready') return
    if (performance.now() > deadline) throw new Error(fault())
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** A fault in a few words; ioredis leaves the message empty where it tried several addresses. */
function reasonOf(error: Error & { code?: string; lastNodeError?: Error }): string {
  return error.lastNodeError?.message || error.message || error.code || error.name
}

async function inspect(server: Redis): Promise<RedisServer> {
  const info = await server.info('server', 'replication', 'memory', 'persistence')
  const fields = new Map(info.split('\r\n').map(line => line.split(':', 2) as [string, string]))
  const before = Date.now()
  const [seconds, micros] = await server.time()
  const here = (before + Date.now()) / 2
  return {
    address: `${server.options.host}:${server.options.port}`,
    version: fields.get('redis_version') ?? '',
    policy: fields.get('maxmemory_policy') ?? '',
    keepsLog: fields.get('aof_enabled') === '1',
    replicas: Number(fields.get('connected_slaves') ?? 0),
    ahead: Math.round(Number(seconds) * 1000 + Number(micros) / 1000 - here),
  }
}

/** Asks for what neither the service nor an agent needs. */
async function isRestricted(server: Redis): Promise<boolean | null> {
  try {
    await server.call('CONFIG', 'GET', 'maxmemory')
    return false
  } catch (error) {
    return (error as Error).message.startsWith('NOPERM') ? true : null
  }
}
