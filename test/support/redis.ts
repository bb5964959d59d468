import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { endWithUs } from './children.ts'
import { until } from './until.ts'

/** A Redis server of a test's own. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Stops the server from answering, without closing its connections. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

/** Starts a Redis server on a free port; as a cluster of one node, it enforces hash slots. */
export async function startRedis({ cluster = false }: { cluster?: boolean } = {}): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-redis-'))
  const port = await freePort()
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  if (cluster)
    args.push(
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      `${await freePort()}`,
      '--cluster-announce-ip',
      '127.0.0.1',
    )
  const server: ChildProcess = spawn('redis-server', args, { stdio: 'ignore' })
  endWithUs(server)
  const probe = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20 })
  probe.on('error', () => {})
  await until(() => probe.ping().then(answer => answer === 'PONG'))
  if (cluster) {
    await probe.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await until(async () => String(await probe.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  }
  probe.disconnect()
  return {
    url: `${cluster ? 'redis+cluster' : 'redis'}://127.0.0.1:${port}`,
    port,
    pid: server.pid ?? 0,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    async stop() {
      server.kill('SIGCONT')
      server.kill('SIGKILL')
      await new Promise(resolve => server.once('exit', resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
