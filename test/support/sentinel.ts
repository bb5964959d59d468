import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { type RedisProcess, startRedisProcess } from './redis-process.ts'
import {
  admitReplicas,
  admitWatchers,
  cutReplicas,
  cutWatchers,
  REPLICATION_ARGS,
  WATCHED_ARGS,
  watcherLines,
} from './replication.ts'
import { until } from './until.ts'

const NAME = 'carnet'

/** A master with two replicas, watched by three sentinels that promote a replica where the master is gone. */
export interface TestSentinel {
  /** `redis+sentinel://host:port,host:port,host:port/name` */
  readonly url: string
  readonly name: string
  /** The one that was the master at the start, and those that were its replicas. */
  readonly first: RedisProcess
  readonly replicas: readonly RedisProcess[]
  readonly sentinels: readonly RedisProcess[]
  /** The port of the master by the word of most sentinels; 0 while there is none. */
  masterPort(): Promise<number>
  /** The server that is the master by the word of most sentinels. */
  master(): Promise<RedisProcess>
  /**
   * Refuses the replicas at the master, see `cutReplicas`. Sentinels take no replica that was cut off for longer than
   * ten times the time after which a server counts as down.
   */
  cutReplication(): Promise<void>
  /** Refuses the sentinels as well: a replica is promoted while clients are still served by the old master. */
  isolateMaster(): Promise<void>
  /** Lets all in again, and waits until a replica is. */
  heal(): Promise<void>
  /** Tells a sentinel to promote a replica although the master is well; waits until all agree on another one. */
  failover(): Promise<void>
  /** Waits until most sentinels name another master than that port, and that server says it is one. */
  promoted(otherThan: number, withinMs?: number): Promise<RedisProcess>
  stop(): Promise<void>
}

/** Starts six servers on free ports. `downAfterMs` is the time after which a silent server counts as down. */
export async function startSentinel({
  downAfterMs = 1_000,
}: {
  downAfterMs?: number
} = {}): Promise<TestSentinel> {
  const server = async (more: readonly string[]) => {
    const port = await freePort()
    const args = [
      '--port',
      `${port}`,
      '--save',
      '',
      '--appendonly',
      'no',
      ...REPLICATION_ARGS,
      ...WATCHED_ARGS,
      ...more,
    ]
    return startRedisProcess({ port, args: () => args })
  }
  const first = await server([])
  const following = ['--replicaof', '127.0.0.1', `${first.port}`]
  const replicas = [await server(following), await server(following)]
  const servers = [first, ...replicas]
  await until(() => connectedReplicas(first, 2))
  const sentinels: RedisProcess[] = []
  for (let count = 0; count < 3; count++) sentinels.push(await startOne(first.port, downAfterMs))
  const told = (sentinel: RedisProcess) => sentinel.ask('SENTINEL', 'MASTER', NAME).then(fields)
  for (const sentinel of sentinels) {
    await until(async () => {
      const { 'num-slaves': known, 'num-other-sentinels': others } = await told(sentinel)
      return known === '2' && others === '2'
    }, 20_000)
  }

  async function masterPort(): Promise<number> {
    const votes = await Promise.all(
      sentinels.map(sentinel =>
        told(sentinel)
          .then(({ port }) => Number(port))
          .catch(() => 0),
      ),
    )
    return votes.find(port => votes.filter(other => other === port).length >= 2) ?? 0
  }

  async function master(): Promise<RedisProcess> {
    const port = await masterPort()
    const found = servers.find(one => one.port === port)
    if (found === undefined) throw new Error('The sentinels name no master.')
    return found
  }

  async function promoted(otherThan: number, withinMs = 20_000): Promise<RedisProcess> {
    await until(async () => {
      const now = await master()
      return now.port !== otherThan && (await now.info('role')) === 'master'
    }, withinMs)
    return master()
  }

  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    name: NAME,
    first,
    replicas,
    sentinels,
    masterPort,
    master,
    promoted,
    async cutReplication() {
      await cutReplicas(await master())
    },
    async isolateMaster() {
      const now = await master()
      await cutReplicas(now)
      await cutWatchers(now)
    },
    async heal() {
      for (const one of servers) {
        await admitReplicas(one).catch(() => {})
        await admitWatchers(one).catch(() => {})
      }
      const now = await master()
      await until(async () => Number(await now.info('connected_slaves')) > 0, 20_000)
    },
    async failover() {
      const before = await masterPort()
      // Refused while the replicas are not all known to be well, which takes a second after they came.
      await until(async () => (await sentinels[0]?.ask('SENTINEL', 'FAILOVER', NAME)) === 'OK')
      await promoted(before)
    },
    async stop() {
      for (const one of [...sentinels, ...servers]) await one.stop()
    },
  }
}

async function startOne(masterPort: number, downAfterMs: number): Promise<RedisProcess> {
  const port = await freePort()
  // A sentinel writes what it learns into its file, so it needs one; a restart goes on with it.
  return startRedisProcess({
    port,
    args: folder => {
      const file = join(folder, 'sentinel.conf')
      const lines = [
        `port ${port}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
        `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
        `sentinel failover-timeout ${NAME} 5000`,
        `sentinel parallel-syncs ${NAME} 2`,
        ...watcherLines(NAME),
      ]
      try {
        writeFileSync(file, `${lines.join('\n')}\n`, { flag: 'wx' })
      } catch {}
      return [file, '--sentinel']
    },
  })
}

async function connectedReplicas(server: RedisProcess, count: number): Promise<boolean> {
  if (count === 0) return (await server.info('connected_slaves')) === '0'
  const info = String(await server.ask('INFO', 'replication'))
  return [...info.matchAll(/state=online/g)].length === count
}

/** A reply of names and values in turn. */
function fields(reply: unknown): Record<string, string> {
  const list = Array.isArray(reply) ? reply.map(String) : []
  const pairs = list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1] ?? '']] : []))
  return Object.fromEntries(pairs) as Record<string, string>
}
