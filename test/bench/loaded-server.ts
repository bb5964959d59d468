import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { endWithUs } from '../support/children.ts'
import { type Program, printed } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import type { SignedIn } from './servers/served.ts'

const SERVER_CORE = '0'
/** The core of what loads a server, and of Redis. */
export const LOAD_CORE = '1'

/** A server under load. */
export interface LoadedServer {
  readonly port: number
  /** Requests that the load leaves out. */
  readonly samples: readonly SignedIn[]
  end(): Promise<void>
}

/** Starts a server on its core, as it would run in production. Resolves once it listens. */
export async function startServer(kind: string, file: string, redisUrl: string): Promise<LoadedServer> {
  const program = spawnOnCore([join(import.meta.dirname, 'serve.ts'), kind, file, redisUrl])
  await printed(program, '\n')
  const [, told = '{}'] = /^serves (.*)$/m.exec(program.output()) ?? []
  return {
    ...(JSON.parse(told) as Pick<LoadedServer, 'port' | 'samples'>),
    async end() {
      program.process.kill('SIGKILL')
      await program.exited
    },
  }
}

/** A Redis beside the load. */
export async function startRedisOnCore(): Promise<TestRedis> {
  const redis = await startRedis()
  execFileSync('taskset', ['-acp', LOAD_CORE, String(redis.pid)], { stdio: 'ignore' })
  return redis
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
