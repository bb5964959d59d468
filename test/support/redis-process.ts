import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { endWithUs } from './children.ts'
import { until } from './until.ts'

/** A Redis process that can be frozen, killed, and started again on the same port and in the same folder. */
export interface RedisProcess {
  readonly port: number
  readonly folder: string
  /** Of the process that runs now; another one after a restart. */
  readonly pid: number
  /** Stops the server from answering, without closing its connections. */
  freeze(): void
  thaw(): void
  /** Ends the process as a crash does; its folder stays. Nothing where it does not run. */
  kill(): Promise<void>
  /** Starts it again, after a kill where it runs, and waits until it answers. */
  restart(): Promise<void>
  /** Kills it and removes its folder. */
  stop(): Promise<void>
  /** One command on a connection of its own. */
  ask(...command: string[]): Promise<unknown>
  /** A field of `INFO`. */
  info(field: string): Promise<string>
}

/** How to run one. */
export interface RedisProcessOptions {
  readonly port: number
  /** Given once to each start; the port, the address and the folder are added. */
  readonly args: (folder: string) => readonly string[]
  /** How to connect to it, beyond host and port. */
  readonly connection?: Pick<RedisOptions, 'username' | 'password' | 'tls'>
}

/** Starts a Redis server, which ends with this process. */
export async function startRedisProcess({
  port,
  args,
  connection = {},
}: RedisProcessOptions): Promise<RedisProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-redis-'))
  let server: ChildProcess | null = null

  function start(): void {
    server = spawn('redis-server', [...args(folder), '--bind', '127.0.0.1', '--dir', folder], {
      stdio: 'ignore',
    })
    endWithUs(server)
  }

  async function ask(...[name = '', ...rest]: string[]): Promise<unknown> {
    const client = new Redis({
      host: '127.0.0.1',
      port,
      retryStrategy: () => null,
      connectTimeout: 1_000,
      commandTimeout: 10_000,
      ...connection,
    })
    client.on('error', () => {})
    try {
      return await client.call(name, ...rest)
    } finally {
      client.disconnect()
    }
  }

  const answers = () => until(async () => (await ask('PING')) === 'PONG')

  async function kill(): Promise<void> {
    const running = server
    server = null
    if (running === null) return
    const ended = new Promise(resolve => running.once('exit', resolve))
    running.kill('SIGKILL')
    await ended
  }

  start()
  await answers()
  return {
    port,
    folder,
    get pid() {
      return server?.pid ?? 0
    },
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    kill,
    async restart() {
      await kill()
      start()
      await answers()
    },
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
    ask,
    async info(field) {
      const info = String(await ask('INFO'))
      return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
    },
  }
}
