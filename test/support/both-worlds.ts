import type { DemoOptions } from '@carnet/demo'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import { startWorld, type World } from './world.ts'

/** A world with everything embedded, and one with servers of their own. */
export interface BothWorlds {
  readonly worlds: Readonly<Record<'embedded' | 'servers', World>>
  close(): Promise<void>
}

/** Starts one world on SQLite and the embedded store, and one on PostgreSQL and Redis. */
export async function startBothWorlds(options: DemoOptions = {}): Promise<BothWorlds> {
  const postgres = await startPostgres()
  const redis = await startRedis()
  const worlds = {
    embedded: await startWorld(options),
    servers: await startWorld({ ...options, databaseUrl: await postgres.create(), store: redis.url }),
  }
  return {
    worlds,
    async close() {
      for (const world of Object.values(worlds)) await world.close()
      await postgres.stop()
      await redis.stop()
    },
  }
}
