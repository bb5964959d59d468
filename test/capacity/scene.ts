import {
  fixedManifest,
  newSid,
  openStore,
  parseManifest,
  type Store,
  sessionHandle,
  startSession,
} from '@carnet/protocol'
import {
  type Database,
  openDatabase,
  openMigrated,
} from '../../packages/auth-service/src/accounts/database.ts'
import { Passwords } from '../../packages/auth-service/src/accounts/passwords.ts'
import { Sessions } from '../../packages/auth-service/src/accounts/sessions.ts'
import { Users } from '../../packages/auth-service/src/accounts/users.ts'
import { inBatches } from '../bench/in-batches.ts'
import { ada } from '../support/people.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const HOUR_MS = 3_600_000
const LIFE = { idle: HOUR_MS, absolute: 12 * HOUR_MS }

/** Sessions in Redis and PostgreSQL, of which nobody takes care by himself. */
export interface Scene {
  readonly store: Store
  /** Waits for what takes long. */
  readonly database: Database
  /** The sessions as a process of the auth service has them: its queries are given up after 800 ms. */
  process(): Sessions
  close(): Promise<void>
}

/** Opens a scene on servers of its own. */
export async function openScene(): Promise<Scene> {
  const [redis, postgres] = [await startRedis(), await startPostgres()]
  const store = await openStore(redis.url)
  store.keep(async () => {})
  await until(() => store.ping().then(() => true))
  await store.beat()
  const url = await postgres.create()
  const database = await openMigrated(url, { patient: true })
  const databases = [database]
  const passwords = new Passwords(() => 4)
  const sites = 'auth: https://auth.example\nsites: [{ id: shop, origin: "https://shop.example" }]\n'
  const manifest = fixedManifest(parseManifest(sites, 'sites.yaml'))
  return {
    store,
    database,
    process() {
      const own = openDatabase(url)
      databases.push(own)
      return new Sessions(own, store, new Users(own, passwords), () => manifest.current)
    },
    async close() {
      await passwords.close()
      await Promise.all(databases.map(each => each.destroy()))
      await store.close()
      await Promise.all([redis.stop(), postgres.stop()])
    },
  }
}

/** Adds live sessions that began an hour ago; their sids. */
export async function addLive({ store, database }: Scene, count: number): Promise<string[]> {
  const sids = Array.from({ length: count }, newSid)
  await inBatches(sids, 200, sid => startSession(store, ada, LIFE, { sid }))
  const startedAt = store.now() - HOUR_MS
  for (let at = 0; at < count; at += 500) {
    const rows = sids.slice(at, at + 500).map(sid => ({
      id: sessionHandle(sid),
      sid,
      user_id: sid.slice(0, 21),
      series_id: null,
      epoch: 0,
      revision: 0,
      device: 'Firefox on Linux',
      address: '192.0.2.*',
      started_at: startedAt,
      expires_at: startedAt + LIFE.absolute,
      ended_at: null,
      renewed_at: null,
    }))
    await database.insertInto('sessions').values(rows).execute()
  }
  return sids
}

/** Says in SQL that sessions have to end. */
export async function markEnded({ database }: Scene, sids: readonly string[]): Promise<void> {
  const ended = { ended_at: Date.now(), stale: 1 }
  await database.updateTable('sessions').set(ended).where('id', 'in', sids.map(sessionHandle)).execute()
}
