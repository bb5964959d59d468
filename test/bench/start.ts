import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { installPacked } from '../support/packed.ts'
import { run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { ask } from './ask.ts'
import type { Gauge } from './gauge.ts'
import type { Group } from './group.ts'

const IDLE_MS = 2_000

/** How soon the auth service is ready after its start, with a new database, and what it then holds. */
export async function start(folder: string): Promise<Group> {
  const redis = await startRedis()
  const project = await installPacked(mkdtempSync(join(folder, 'packed-')))
  const carnet = join(project, 'node_modules/@carnet/auth-service/dist/cli/main.js')
  return {
    gauges: [
      gauge('embedded store', { carnet, folder }, 'memory:'),
      gauge('Redis', { carnet, folder }, redis.url),
    ],
    stop: redis.stop,
  }
}

interface Installed {
  /** The command's file. */
  readonly carnet: string
  readonly folder: string
}

function gauge(store: string, { carnet, folder }: Installed, redisUrl: string): Gauge {
  return {
    quantities: [
      { name: `the service's start until it is ready, SQLite, ${store}`, unit: 'ms', atMost: 700 },
      { name: `the service's resident memory, idle, SQLite, ${store}`, unit: 'MB', atMost: 100 },
    ],
    readings: 3,
    read: () => startOnce(carnet, mkdtempSync(join(folder, 'service-')), redisUrl),
  }
}

async function startOnce(carnet: string, folder: string, redisUrl: string): Promise<number[]> {
  const port = await freePort()
  const manifest = join(folder, 'sites.yaml')
  writeFileSync(
    manifest,
    `auth: http://auth.localhost:${port}\nsites: [{ id: shop, origin: "http://shop.localhost:${port + 1}" }]\n`,
  )
  const begunAt = performance.now()
  const service = run([carnet, 'serve'], {
    CARNET_MANIFEST: manifest,
    CARNET_DATA_DIR: join(folder, 'data'),
    CARNET_REDIS_URL: redisUrl,
    CARNET_PORT: String(port),
  })
  try {
    await until(async () => (await ask(port, '/readyz')).status === 200)
    const ready = performance.now() - begunAt
    await setTimeout(IDLE_MS)
    return [ready, residentMb(service.process.pid)]
  } finally {
    service.process.kill('SIGKILL')
    await service.exited
  }
}

function residentMb(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6
}
