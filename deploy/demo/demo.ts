import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AuthService, createAuthService, guardedServer, type Mail } from '@carnet/auth-service'
import {
  fixedManifest,
  type Manifest,
  MemoryStore,
  openStore,
  parseManifest,
  parseSecrets,
  type Secrets,
  type Store,
  siteSecrets,
} from '@carnet/protocol'
import { type Agent, createAgent } from '@carnet/site-agent'
import { type Logger, pino } from 'pino'
import { createSite } from './site.ts'

/** The user who can sign in at the demo. */
export const ADA = {
  email: 'ada@example.com',
  password: 'correct horse battery staple',
  name: 'Ada',
} as const

/** The parts of the demo, in the order of their ports. */
export const PARTS = ['auth', 'shop', 'news', 'games'] as const

/** One part of the demo. */
export type Part = (typeof PARTS)[number]

/** How to run it. */
export interface DemoOptions {
  /** The auth service's port; the sites follow. 0 takes any free ones. Default: 4000. */
  port?: number
  /** One for all parts, or a URL that each part opens for itself. Default: an embedded store of its own. */
  store?: Store | string
  /** True: the sites' agents ask the auth service for what is in the store. Default: false. */
  overHttp?: boolean
  /** A part's public origin. Default: `http://<part>.localhost:<port>`. */
  origin?: (part: Part, port: number) => string
  /** Serves https with these. */
  tls?: { key: string; cert: string }
  /** Changes the manifest's YAML before it is read. */
  adjust?: (yaml: string) => string
  /** Sees every request first; where it returns true, it has answered. */
  tap?: (part: Part, req: IncomingMessage, res: ServerResponse) => boolean
  log?: Logger
  /** Default: made for this run. */
  secrets?: Secrets
  passwordCost?: number
  /** Default: a database of its own, in memory. */
  databaseUrl?: string
  /** Default: kept, to be read at `/dev/mail`. */
  mail?: Mail
  /** Addresses and CIDRs of proxies that all parts believe. Default: `none`. */
  trustProxy?: string
}

/** A demo that runs. */
export interface Demo {
  readonly manifest: Manifest
  readonly service: AuthService
  readonly store: Store
  readonly agents: Readonly<Record<string, Agent>>
  close(): Promise<void>
}

/** Starts the auth service and three sites in this process. */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { port = 4000, tls, log = pino({ level: 'silent' }), adjust = yaml => yaml } = options
  const origin = options.origin ?? ((part, at) => `http://${part}.localhost:${at}`)

  // The servers come first, since the manifest names the ports they got.
  const handlers: RequestListener[] = []
  const servers = PARTS.map((part, index) => {
    const handle: RequestListener = (req, res) => {
      if (options.tap?.(part, req, res) !== true) handlers[index]?.(req, res)
    }
    return guardedServer(handle, tls === undefined ? {} : { tls })
  })
  await Promise.all(servers.map((server, index) => listening(server, port === 0 ? 0 : port + index)))

  let yaml = readFileSync(new URL('sites.yaml', import.meta.url), 'utf8')
  for (const [index, server] of servers.entries()) {
    const part = PARTS[index] ?? 'auth'
    const { port: at } = server.address() as AddressInfo
    yaml = yaml.replace(`http://${part}.localhost:${4000 + index}`, origin(part, at))
  }
  const manifest = parseManifest(adjust(yaml), 'deploy/demo/sites.yaml')

  const given = options.store ?? new MemoryStore()
  const store = typeof given === 'string' ? await openStore(given) : given
  const secrets = options.secrets ?? parseSecrets(randomBytes(32).toString('base64url'))
  const service = await createAuthService({
    manifest: fixedManifest(manifest),
    store,
    limits: typeof given === 'string' ? given : 'memory:',
    databaseUrl: options.databaseUrl ?? 'sqlite::memory:',
    secrets,
    mail: options.mail ?? 'kept',
    log,
    trustProxy: options.trustProxy ?? 'none',
    ...(options.passwordCost !== undefined && { passwordCost: options.passwordCost }),
  })
  await service.users.add({ ...ADA, emailVerified: true, roles: ['member'] })
  handlers.push(service.app.callback())

  const agents: Record<string, Agent> = {}
  for (const { id } of manifest.sites) {
    const agent = await createAgent({
      site: id,
      manifest,
      secrets: siteSecrets(secrets, id),
      store: options.overHttp === true ? manifest.auth : typeof given === 'string' ? given : store,
      log,
      trustProxy: options.trustProxy,
    })
    agents[id] = agent
    handlers.push(createSite(agent, id, manifest, log).callback())
  }

  return {
    manifest,
    service,
    store,
    agents,
    async close() {
      await Promise.all(Object.values(agents).map(agent => agent.close()))
      await Promise.all(servers.map(closed))
      await service.close()
      await store.close()
    },
  }
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
