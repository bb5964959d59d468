import { type AgentStore, revokeSession, Signer, type Store, signSid, startSession } from '@carnet/protocol'
import { openKeptStore } from '../support/kept-store.ts'
import { ada } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { Child } from './child.ts'
import type { Gauge } from './gauge.ts'
import type { Group } from './group.ts'
import { startStoreService } from './loaded-server.ts'
import { openHttpStore } from './servers/agent.ts'
import { SECRET } from './servers/bench-site.ts'

const AGENTS = 20
const PROCESSES = 4
const REVOCATIONS = 100

/** How soon agents that have a session in memory see that it was revoked: on Redis, and over HTTP. */
export async function revocation(): Promise<Group> {
  const redis = await startRedis()
  const service = await startStoreService(redis.url)
  const store = await openKeptStore(redis.url)
  const overHttp = await openHttpStore(service.url)
  const onRedis = await watchingAgents(redis.url)
  const asking = await watchingAgents(redis.url, service.url)
  return {
    gauges: [
      gauge('', 50, { store, revoker: store, children: onRedis }),
      gauge(' over HTTP', null, { store, revoker: overHttp, children: asking }),
    ],
    packages: ['ioredis'],
    async stop() {
      for (const child of [...onRedis, ...asking]) await child.end()
      await overHttp.close()
      await store.close()
      await service.end()
      await redis.stop()
    },
  }
}

interface Scene {
  readonly store: Store
  /** The store as the site has it that somebody signs out at. */
  readonly revoker: AgentStore
  readonly children: readonly Child[]
}

function gauge(how: string, atMost: number | null, { store, revoker, children }: Scene): Gauge {
  const seen = `a revocation until ${AGENTS} agents have seen it${how}`
  return {
    quantities: [
      { name: `${seen}, median`, unit: 'ms' },
      { name: `${seen}, p99`, unit: 'ms', ...(atMost !== null && { atMost }) },
    ],
    async read() {
      const took: number[] = []
      for (let count = 0; count < REVOCATIONS; count++) {
        const { sid, session } = await startSession(store, ada, { idle: 3_600_000, absolute: 7_200_000 })
        await store.admit(sid, 'shop', session.expiresAt)
        await each(children, `carnet=${signSid(new Signer([SECRET], 'shop'), sid)}`)
        const told = children.map(child => child.told<{ signedOutAt: number[] }>())
        const revokedAt = performance.timeOrigin + performance.now()
        await revokeSession(revoker, sid, { remember: 0 })
        for (const { signedOutAt } of await Promise.all(told)) {
          took.push(...signedOutAt.map(moment => moment - revokedAt))
        }
      }
      took.sort((a, b) => a - b)
      return [
        took[Math.floor(took.length / 2)] ?? Number.NaN,
        took[Math.floor(took.length * 0.99)] ?? Number.NaN,
      ]
    },
  }
}

async function watchingAgents(redisUrl: string, storeUrl?: string): Promise<Child[]> {
  const count = String(AGENTS / PROCESSES)
  const args = storeUrl === undefined ? [redisUrl, count] : [redisUrl, count, storeUrl]
  const children = Array.from({ length: PROCESSES }, () => new Child('watching-agents.ts', args))
  await Promise.all(children.map(child => child.told()))
  return children
}

async function each(children: readonly Child[], message: string): Promise<void> {
  const told = children.map(child => child.told())
  for (const child of children) child.tell(message)
  await Promise.all(told)
}
