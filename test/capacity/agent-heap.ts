// What an agent's memory of sessions takes: node --expose-gc agent-heap.ts SESSIONS. Sends the bytes of each.
import { MemoryStore, newSid, type SessionRecord, sessionHandle, type Touch } from '@carnet/protocol'
import { SessionCache } from '../../packages/site-agent/src/session-cache.ts'
import { ada } from '../support/people.ts'

const count = Number(process.argv[2])
const collect = globalThis.gc
if (collect === undefined) throw new TypeError('Start it with --expose-gc.')

/** A store that knows every session, and keeps none here. */
class Elsewhere extends MemoryStore {
  override async read(sid: string): Promise<SessionRecord> {
    const startedAt = this.now()
    const expiresAt = startedAt + 30 * 86_400_000
    // A person of its own for each, as they come out of Redis.
    const user = JSON.parse(JSON.stringify({ ...ada, id: sessionHandle(sid).slice(0, 21) })) as typeof ada
    return { user, startedAt, authenticatedAt: startedAt, expiresAt, revision: 0, rememberedUntil: expiresAt }
  }

  override async touch(touches: readonly Touch[]): Promise<boolean[]> {
    return touches.map(() => true)
  }
}

const cache = new SessionCache(new Elsewhere(), { sessions: count, staleFor: 0 })
const before = held()
for (let index = 0; index < count; index++) {
  const sid = newSid()
  await cache.read(`${sid}.${'s'.repeat(43)}`, sid, 1_200_000)
  if (index % 1_000 === 0) await new Promise(resolve => setTimeout(resolve, 1))
}
await new Promise(resolve => setTimeout(resolve, 500))
const bytesPerSession = (held() - before) / count
await cache.close()
process.send?.({ bytesPerSession })

function held(): number {
  for (let turn = 0; turn < 4; turn++) collect?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
