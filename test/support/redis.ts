import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, makeCertificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { type RedisProcess, startRedisProcess } from './redis-process.ts'
import { until } from './until.ts'

/** A Redis server of a test's own. */
export interface TestRedis extends RedisProcess {
  readonly url: string
  /** The certificate of the CA that a client of a server with TLS has to trust; null without TLS. */
  readonly ca: string | null
}

/** What is unusual about it. */
export interface TestRedisOptions {
  /** False: what is not in a snapshot is gone with a restart. Default: true, written down within a second. */
  log?: boolean
  /** A cluster of one node, which enforces hash slots. */
  cluster?: boolean
  /** Writes every command to disk before it answers, so that a restart loses none. */
  appendOnly?: boolean
  /** The one user who is let in; the one without a name is not. */
  user?: { name: string; password: string }
  /** Takes TLS alone, with a certificate for localhost. */
  tls?: boolean
  /** As `maxmemory` takes it; what would exceed it is refused, and nothing is evicted. */
  maxMemory?: string
}

/** Starts a Redis server on a free port. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const { log = true, cluster = false, appendOnly = false, user, tls = false, maxMemory } = options
  const port = await freePort()
  const clusterPort = cluster ? await freePort() : 0
  const certificate = tls ? makeCertificate(['localhost']) : null
  const args = (folder: string): string[] => [
    ...(certificate === null ? ['--port', `${port}`] : tlsArgs(certificate, port, folder)),
    ...['--save', ''],
    ...(appendOnly
      ? ['--appendonly', 'yes', '--appendfsync', 'always']
      : ['--appendonly', log ? 'yes' : 'no']),
    ...(cluster
      ? ['--cluster-enabled', 'yes', '--cluster-port', `${clusterPort}`, '--cluster-announce-ip', '127.0.0.1']
      : []),
    ...(maxMemory === undefined ? [] : ['--maxmemory', maxMemory, '--maxmemory-policy', 'noeviction']),
    ...(user === undefined
      ? []
      : ['--user', 'default', 'off', '--user', user.name, 'on', `>${user.password}`, '~*', '&*', '+@all']),
  ]
  const server = await startRedisProcess({
    port,
    args,
    connection: {
      ...(user !== undefined && { username: user.name, password: user.password }),
      ...(certificate !== null && { tls: { ca: certificate.ca, servername: 'localhost' } }),
    },
  })
  if (cluster) {
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await until(async () => String(await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  }
  const scheme = cluster ? 'redis+cluster' : tls ? 'rediss' : 'redis'
  const credentials = user === undefined ? '' : `${user.name}:${encodeURIComponent(user.password)}@`
  const url = `${scheme}://${credentials}${tls ? 'localhost' : '127.0.0.1'}:${port}`
  return Object.assign(server, { url, ca: certificate?.ca ?? null })
}

function tlsArgs({ key, cert, ca }: Certificate, port: number, folder: string): string[] {
  const file = (name: string, content: string) => {
    const path = join(folder, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  return [
    ...['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', file('leaf.pem', cert), '--tls-key-file', file('leaf.key', key)],
    ...['--tls-ca-cert-file', file('ca.pem', ca)],
  ]
}
