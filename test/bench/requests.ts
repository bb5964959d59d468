import { join } from 'node:path'
import type { Group } from './group.ts'
import { LoadFault, load } from './load.ts'
import {
  type LoadedServer,
  type Stores,
  startRedisOnCore,
  startServer,
  startStoreServiceOnCore,
} from './loaded-server.ts'
import { prove } from './proof.ts'
import { REQUEST_ROWS, type RequestRow } from './request-rows.ts'

const SECONDS = 3
const WARMING_SECONDS = 3
const TRIES = 4
const PARTS = { nothing: 'A signed-in GET /', cookie: 'A signed-in GET /', ticket: 'A ticket redeemed' }

/** Requests per second. The server under load has one core, the load and Redis have another. */
export async function requests(folder: string): Promise<Group> {
  const redis = await startRedisOnCore()
  const service = await startStoreServiceOnCore(redis.url)
  const kept = new Map<string, LoadedServer>()
  const rows = REQUEST_ROWS.map((row, index) => {
    const file = join(folder, `requests-${index}`)
    const stores = {
      redisUrl: row.store === 'embedded' ? 'memory:' : redis.url,
      storeUrl: row.store === 'HTTP' ? service.url : null,
    }
    return {
      name: row.name,
      of: row.of,
      async measure() {
        if (row.proof === 'ticket') return undisturbed(row.name, () => burn(row, file))
        const server = kept.get(row.name) ?? (await open(row, file, stores))
        kept.set(row.name, server)
        return undisturbed(row.name, async () => {
          // Wakes the server up. What a library does once a minute for each session is done here, too: a turn comes
          // less often than that, and would else hold a minute's worth in its seconds.
          load(server.port, file, WARMING_SECONDS)
          return load(server.port, file, SECONDS)
        })
      },
    }
  })
  return {
    rows,
    packages: [
      ...['koa', 'ioredis', 'koa-session', 'express', 'express-session', 'connect-redis', 'redis'],
      ...['fastify', '@fastify/session', 'jose', 'iron-session', 'better-auth'],
    ],
    bars: REQUEST_ROWS.map(({ name, role, proof }) => ({ name, role, part: PARTS[proof] })),
    async stop() {
      for (const server of kept.values()) await server.end()
      await service.end()
      await redis.stop()
    },
  }
}

/**
 * A turn in which requests failed does not count, and is taken again: where another program takes the core of a store,
 * the store answers late, and some are refused. Throws where that does not end.
 */
async function undisturbed(name: string, turn: () => Promise<number>): Promise<{ perSecond: number }> {
  for (let left = TRIES - 1; ; left--) {
    try {
      return { perSecond: await turn() }
    } catch (error) {
      if (!(error instanceof LoadFault)) throw error
      if (left === 0) throw new Error(`${name}: ${error.message}`, { cause: error })
      console.error(`${name}: once more, since ${error.message}`)
    }
  }
}

/** Starts a server, and sees that it does its work. */
async function open({ name, kind, proof }: RequestRow, file: string, stores: Stores): Promise<LoadedServer> {
  const server = await startServer(kind, file, stores)
  try {
    for (const sample of server.samples) await prove(server.port, sample, proof)
    return server
  } catch (cause) {
    await server.end()
    throw new Error(`${name}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * What is good once needs a server and a store of its own for each turn, for what is left over would go on to expire
 * beside the others. It warms up within the measured time, and looks the worse for it.
 */
async function burn(row: RequestRow, file: string): Promise<number> {
  const redis = row.store === 'embedded' ? null : await startRedisOnCore()
  const service = row.store === 'HTTP' ? await startStoreServiceOnCore(redis?.url ?? '') : null
  try {
    const stores = { redisUrl: redis?.url ?? 'memory:', storeUrl: service?.url ?? null }
    const server = await open(row, file, stores)
    try {
      return load(server.port, file, SECONDS)
    } finally {
      await server.end()
    }
  } finally {
    await service?.end()
    await redis?.stop()
  }
}
