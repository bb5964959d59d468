import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { openStore, watchManifest } from '@carnet/protocol'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'
import { guardedServer } from './guarded-server.ts'
import { listen } from './listen.ts'
import { createAuthService } from './service.ts'

/** On localhost nothing stands between the browser and this process, so the ports should be one. */
function warnOfPort({ production, port }: Config, auth: string, log: Logger): void {
  const expected = Number(new URL(auth).port || 80)
  if (production || port === 0 || port === expected) return
  log.warn({ auth, port }, `The manifest says ${auth}, but the port is ${port}: set CARNET_PORT=${expected}.`)
}

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
  if (config.mail === null) {
    log.warn(
      'CARNET_SMTP_URL is not set: mails wait in the database until a service with a mail server runs.',
    )
  }
  const store = await openStore(config.storeUrl, error => log.warn({ reason: error.message }, 'store_error'))
  // What is open keeps the process alive: a start that fails has to close it, or nobody starts it anew.
  const opened: (() => Promise<void> | void)[] = [() => manifest.close(), () => store.close()]
  const closeAll = async () => {
    for (const close of opened.toReversed()) await close()
  }
  try {
    const service = await createAuthService({
      manifest,
      store,
      limits: config.limitsUrl,
      databaseUrl: config.databaseUrl,
      secrets: config.secrets,
      trustProxy: config.trustProxy,
      mail: config.mail,
      folder: dirname(config.manifestFile),
      refusesEviction: config.production,
      log,
    })
    opened.push(() => service.close())
    warnOfPort(config, manifest.current.auth, log)
    const server = guardedServer(service.app.callback())
    opened.push(await listen(server, config.host, config.port), () => service.endStreams())
    const { port } = server.address() as AddressInfo
    const mail = config.mail === 'kept' ? `kept at ${manifest.current.auth}/dev/mail` : config.mail && 'smtp'
    log.info({ auth: manifest.current.auth, host: config.host, port, mail }, 'listening')
    return {
      server,
      port,
      async close() {
        log.info('draining')
        await closeAll()
        log.info('stopped')
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}
