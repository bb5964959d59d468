import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openStore, watchManifest } from '@carnet/protocol'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'
import { listen } from './listen.ts'
import { createAuthService } from './service.ts'

/** A service that runs. */
export interface Running {
  readonly server: Server
  readonly port: number
  /** Drains and stops, within 10 s. */
  close(): Promise<void>
}

/** Runs the service as configured: listens, follows the manifest, and logs to standard output. */
export async function serve(
  config: Config,
  log: Logger = pino({ level: config.logLevel }),
): Promise<Running> {
  const manifest = watchManifest(config.manifestFile, {
    changed: () => log.info({ file: config.manifestFile }, 'manifest_changed'),
    refused: error => log.warn({ file: config.manifestFile, reason: error.message }, 'manifest_refused'),
  })
  if (config.storeUrl === 'memory:') {
    log.warn(
      'The embedded store holds the sessions: they end with this process, and no other process sees them.',
    )
  }
  const store = await openStore(config.storeUrl, error => log.warn({ reason: error.message }, 'store_error'))
  const service = await createAuthService({
    manifest,
    store,
    databaseUrl: config.databaseUrl,
    secrets: config.secrets,
    trustProxy: config.trustProxy,
    log,
  })
  const server = createServer(service.app.callback())
  const drain = await listen(server, config.host, config.port)
  const { port } = server.address() as AddressInfo
  log.info({ auth: manifest.current.auth, host: config.host, port }, 'listening')
  return {
    server,
    port,
    async close() {
      log.info('draining')
      await drain()
      await service.close()
      await store.close()
      manifest.close()
      log.info('stopped')
    },
  }
}
