import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { endWithUs } from '../support/children.ts'
import { type Program, printed } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import type { Group, Row } from './row.ts'

const SECONDS = 3
const SERVER_CORE = '0'
const LOAD_CORE = '1'

interface Load {
  readonly kind: 'bare' | 'session' | 'redeem'
  readonly redisUrl: string | null
  /** The file that the requests are kept in. */
  readonly file: string
}

/** Requests per second. The server under load has one core, the load and Redis have another. */
export async function requestRows(folder: string): Promise<Group> {
  const redis = await startRedis()
  execFileSync('taskset', ['-acp', LOAD_CORE, String(redis.pid)], { stdio: 'ignore' })
  const file = join(folder, 'requests')
  const row = (name: string, kind: Load['kind'], redisUrl: string | null = null): Row => ({
    name,
    of: 'bare Koa',
    measure: async () => ({ perSecond: await measure(name, { kind, redisUrl, file }) }),
  })
  const rows = [
    row('bare Koa', 'bare'),
    row('Koa + agent, signed in, embedded store', 'session'),
    row('Koa + agent, signed in, Redis', 'session', redis.url),
    row('redeem at the pixel, embedded store', 'redeem'),
    row('redeem at the pixel, Redis', 'redeem', redis.url),
  ]
  return { rows, stop: redis.stop }
}

async function measure(name: string, { kind, redisUrl, file }: Load): Promise<number> {
  const server = start([join(import.meta.dirname, 'server.ts'), kind, file, ...(redisUrl ? [redisUrl] : [])])
  try {
    await printed(server, 'port ')
    const url = `http://127.0.0.1:${/port (\d+)/.exec(server.output())?.[1]}`
    // A ticket is good once, so its row warms up within the measured time, and looks the worse for it.
    if (kind !== 'redeem') load(url, file, 1)
    const { requests, seconds, failed } = load(url, file, SECONDS)
    if (failed > 0) throw new Error(`${name}: ${failed} of ${requests} requests failed.`)
    return requests / seconds
  } finally {
    server.process.kill('SIGKILL')
    await server.exited
  }
}

function load(url: string, file: string, seconds: number) {
  const script = join(import.meta.dirname, 'load.lua')
  const wrk = ['wrk', '-t1', '-c64', `-d${seconds}s`, '-s', script, url, '--', file]
  const output = execFileSync('taskset', ['-c', LOAD_CORE, ...wrk], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(/\{"requests".*\}/.exec(output)?.[0] ?? '') as {
    requests: number
    seconds: number
    failed: number
  }
}

function start(args: readonly string[]): Program {
  const child = spawn('taskset', ['-c', SERVER_CORE, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'test' },
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
