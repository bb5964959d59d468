import { Redis } from 'ioredis'
import type { RedisProcess } from './redis-process.ts'
import { until } from './until.ts'

const USER = 'replication'
const PASSWORD = 'only-among-us'
const WATCHER = 'sentinel'

/** The arguments by which servers replicate from one another as a user of their own, who can be locked out. */
export const REPLICATION_ARGS: readonly string[] = [
  ...['--repl-diskless-sync-delay', '0', '--masteruser', USER, '--masterauth', PASSWORD],
  ...['--user', USER, 'on', `>${PASSWORD}`, '+psync', '+replconf', '+ping'],
]

/** The arguments by which a server lets sentinels in as a user of their own. */
export const WATCHED_ARGS: readonly string[] = ['--user', WATCHER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all']

/** The lines by which a sentinel comes as that user. */
export function watcherLines(name: string): string[] {
  return [`sentinel auth-user ${name} ${WATCHER}`, `sentinel auth-pass ${name} ${PASSWORD}`]
}

/** Refuses the sentinels at a server, who then take it for down, while its clients are served. */
export async function cutWatchers(server: RedisProcess): Promise<void> {
  // One who may not come in would go on as the user without a name.
  await server.ask('ACL', 'SETUSER', WATCHER, '-@all')
}

/** Lets sentinels in again. */
export async function admitWatchers(server: RedisProcess): Promise<void> {
  await server.ask('ACL', 'SETUSER', WATCHER, '+@all')
}

/**
 * Refuses the replicas at a master: they keep the data that they have, `WAIT` there gives 0, and they can still be
 * promoted for a while. A proxy between the two would not last, since sentinels point a replica back at the master's
 * own address. Returns once none is connected.
 */
export async function cutReplicas(master: RedisProcess): Promise<void> {
  await master.ask('ACL', 'SETUSER', USER, 'off')
  await master.ask('CLIENT', 'KILL', 'TYPE', 'replica')
  await until(async () => (await master.info('connected_slaves')) === '0')
}

/** Lets replicas in again. */
export async function admitReplicas(master: RedisProcess): Promise<void> {
  await master.ask('ACL', 'SETUSER', USER, 'on')
}

/** Writes, and says how many of two replicas confirm it within 100 ms: `WAIT` is about its own connection's writes. */
export async function confirmedBy(master: RedisProcess, [name = '', ...rest]: string[]): Promise<number> {
  const client = new Redis(master.port)
  try {
    await client.call(name, ...rest)
    return await client.wait(2, 100)
  } finally {
    client.disconnect()
  }
}
