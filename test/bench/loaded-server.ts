import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { endWithUs } from '../support/children.ts'
import { type Program, printed, run } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import type { SignedIn } from './servers/served.ts'

const SERVER_CORE = '0'
/** The core of what loads a server, and of Redis. */
export const LOAD_CORE = '1'

/** Where a server under load finds its store: in a Redis, and where `storeUrl` is given, by asking the auth service on it. */
export interface Stores {
  readonly redisUrl: string
  readonly storeUrl: string | null
}

/** A server under load. */
export interface LoadedServer {
  readonly port: number
  /** Requests that the load leaves out. */
  readonly samples: readonly SignedIn[]
  end(): Promise<void>
}

/** Starts a server on its core, as it would run in production. Resolves once it listens. */
export async function startServer(
  kind: string,
  file: string,
  { redisUrl, storeUrl }: Stores,
): Promise<LoadedServer> {
  const urls = storeUrl === null ? [redisUrl] : [redisUrl, storeUrl]
  const program = spawnOnCore([join(import.meta.dirname, 'serve.ts'), kind, file, ...urls])
  await printed(program, '\n')
  const [, told = '{}'] = /^serves (.*)$/m.exec(program.output()) ?? []
  return {
    ...(JSON.parse(told) as Pick<LoadedServer, 'port' | 'samples'>),
    end: () => ended(program),
  }
}

async function ended(program: Program): Promise<void> {
  program.process.kill('SIGKILL')
  await program.exited
}

/** An auth service on a Redis, which agents ask. */
export interface StoreService {
  readonly url: string
  readonly pid: number
  end(): Promise<void>
}

/** Starts one as a process of its own. */
export async function startStoreService(redisUrl: string): Promise<StoreService> {
  const program = run([join(import.meta.dirname, 'store-service.ts'), redisUrl], { NODE_ENV: 'production' })
  await printed(program, 'serves ')
  const [, url = ''] = /^serves (.*)$/m.exec(program.output()) ?? []
  return { url, pid: program.process.pid ?? 0, end: () => ended(program) }
}

/** Starts one beside the load. */
export async function startStoreServiceOnCore(redisUrl: string): Promise<StoreService> {
  const service = await startStoreService(redisUrl)
  moveToLoadCore(service.pid)
  return service
}

/** A Redis beside the load. */
export async function startRedisOnCore(): Promise<TestRedis> {
  const redis = await startRedis()
  moveToLoadCore(redis.pid)
  return redis
}

function moveToLoadCore(pid: number): void {
  execFileSync('taskset', ['-acp', LOAD_CORE, String(pid)], { stdio: 'ignore' })
}

function spawnOnCore(args: readonly string[]): Program {
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
  })
  endWithUs(child)
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  return {
    process: child,
    output: () => output,
    exited: new Promise(resolve => child.once('close', resolve)),
  }
}
