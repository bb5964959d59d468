import { revokeSession, Signer, signSid, startSession } from '@carnet/protocol'
import { openKeptStore } from '../support/kept-store.ts'
import { ada } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { Child } from './child.ts'
import type { Group } from './group.ts'
import { SECRET } from './servers/agent.ts'

const AGENTS = 20
const PROCESSES = 4
const REVOCATIONS = 100

/** How soon agents that have a session in memory see that it was revoked. */
export async function revocation(): Promise<Group> {
  const redis = await startRedis()
  const store = await openKeptStore(redis.url)
  const children = Array.from(
    { length: PROCESSES },
    () => new Child('watching-agents.ts', [redis.url, String(AGENTS / PROCESSES)]),
  )
  await Promise.all(children.map(child => child.told()))
  const gauge = {
    quantities: [
      { name: `a revocation until ${AGENTS} agents have seen it, median`, unit: 'ms' },
      { name: `a revocation until ${AGENTS} agents have seen it, p99`, unit: 'ms', atMost: 50 },
    ],
    async read() {
      const took: number[] = []
      for (let count = 0; count < REVOCATIONS; count++) {
        const { sid } = await startSession(store, ada, { idle: 3_600_000, absolute: 7_200_000 })
        await each(children, `carnet=${signSid(new Signer([SECRET], 'shop'), sid)}`)
        const seen = children.map(child => child.told<{ signedOutAt: number[] }>())
        const revokedAt = performance.timeOrigin + performance.now()
        await revokeSession(store, sid, { remember: 0 })
        for (const { signedOutAt } of await Promise.all(seen)) {
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
  return {
    gauges: [gauge],
    packages: ['ioredis'],
    async stop() {
      for (const child of children) await child.end()
      await store.close()
      await redis.stop()
    },
  }
}

async function each(children: readonly Child[], message: string): Promise<void> {
  const told = children.map(child => child.told())
  for (const child of children) child.tell(message)
  await Promise.all(told)
}
