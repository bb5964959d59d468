import { issueTickets, openStore } from '@carnet/protocol'
import { Redis } from 'ioredis'
import { inBatches } from '../bench/in-batches.ts'
import { clientAt } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import type { Constants } from './constants.ts'
import { usedMemory } from './redis-meter.ts'
import { started } from './verbs.ts'

const COUNT = 50_000
const AT_ONCE = 200
const client = clientAt('192.0.2.7', {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
})

/** What Redis holds of each kind of thing, and the same by its own word (MEMORY USAGE), which leaves out its tables. */
export async function measureMemory(): Promise<{ grown: Constants['memory']; told: Constants['memory'] }> {
  const server = await startRedis()
  const redis = new Redis(server.url)
  const store = await openStore(server.url)
  try {
    store.keep(async () => {})
    await until(() => store.ping().then(() => true))
    await store.beat()
    const empty = await usedMemory(redis)
    const sids = await started(store, COUNT)
    const session = (await usedMemory(redis)) - empty
    const toldOfSession = await toldOf(redis, 'carnet:s:*')

    const before = await usedMemory(redis)
    const request = { site: 'shop', ttl: 60_000, state: 'x'.repeat(43) }
    await inBatches(sids, AT_ONCE, sid => issueTickets(store, sid, client, [request]))
    const ticket = (await usedMemory(redis)) - before
    const toldOfTicket = await toldOf(redis, 'carnet:t:*')

    // A revocation takes a session away, and leaves a tombstone and an entry in the unnoted set.
    await inBatches(sids, AT_ONCE, sid => store.revoke(sid, { rememberUntil: 0, noted: false }))
    await deleteAll(redis, 'carnet:t:*')
    const unnoted = Number(await redis.memory('USAGE', 'carnet:unnoted:{0}', 'SAMPLES', 0))
    const tombstone = (await usedMemory(redis)) - empty - unnoted
    const toldOfTombstone = await toldOf(redis, 'carnet:r:*')
    return {
      grown: {
        session: session / COUNT,
        ticket: ticket / COUNT,
        tombstone: tombstone / COUNT,
        unnoted: unnoted / COUNT,
      },
      told: {
        session: toldOfSession,
        ticket: toldOfTicket,
        tombstone: toldOfTombstone,
        unnoted: unnoted / COUNT,
      },
    }
  } finally {
    redis.disconnect()
    await store.close()
    await server.stop()
  }
}

async function toldOf(redis: Redis, match: string): Promise<number> {
  const keys = (await scan(redis, match)).slice(0, 500)
  const usages = await Promise.all(keys.map(key => redis.memory('USAGE', key)))
  return usages.reduce<number>((sum, usage) => sum + Number(usage), 0) / usages.length
}

async function deleteAll(redis: Redis, match: string): Promise<void> {
  await inBatches(await scan(redis, match), 1_000, key => redis.del(key))
}

async function scan(redis: Redis, match: string): Promise<string[]> {
  const keys: string[] = []
  for await (const some of redis.scanStream({ match, count: 5_000 })) keys.push(...(some as string[]))
  return keys
}
