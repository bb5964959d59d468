import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSecrets, siteSecrets } from '@carnet/protocol'
import { freePort } from '../support/free-port.ts'
import { type Program, run } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { send } from './visitor.ts'

const repository = join(import.meta.dirname, '../..')
const carnet = join(repository, 'packages/auth-service/src/cli/main.ts')
const siteServer = join(repository, 'deploy/demo/site-server.ts')

const SITES = [
  { id: 'shop', fanOut: 'pull' },
  { id: 'news', fanOut: 'push' },
  { id: 'games', fanOut: 'pull' },
] as const

/** A process of ours: an auth service, or a site with its agent. */
export interface Part {
  readonly name: string
  /** The one that runs now, or ran last. */
  readonly program: Program
  /** Starts it, after it has ended, and waits until it serves. */
  start(): Promise<void>
}

/** Two auth services behind one address, and three sites. */
export interface World {
  readonly auth: string
  readonly sites: readonly { readonly id: string; readonly origin: string }[]
  readonly services: readonly Part[]
  readonly agents: readonly Part[]
  readonly balancer: Balancer
  stop(): Promise<void>
}

/** What the parts are started with. */
export interface WorldOptions {
  readonly databaseUrl: string
  readonly storeUrl: string
  /** More of the environment, by a part's name: `auth-0`, `auth-1`, or a site's id. */
  readonly env?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly agentsAsk?: AgentsAsk
}

/**
 * Makes agents reach no Redis, and ask the auth service over HTTP. Given the port of the balancer, it gives the ports that
 * sites ask instead, by their ids, where a way is another one.
 */
export type AgentsAsk = (authPort: number) => Promise<Readonly<Record<string, number>>>

/** Starts all parts as processes of their own. */
export async function startWorld({
  databaseUrl,
  storeUrl,
  env = {},
  agentsAsk,
}: WorldOptions): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-drill-'))
  const manifest = join(folder, 'sites.yaml')
  const authPort = await freePort()
  const ports = new Map<string, number>()
  for (const name of ['auth-0', 'auth-1', ...SITES.map(({ id }) => id)]) ports.set(name, await freePort())
  const auth = `http://auth.localhost:${authPort}`
  const sites = SITES.map(({ id, fanOut }) => ({
    id,
    fanOut,
    origin: `http://${id}.localhost:${ports.get(id)}`,
  }))
  const lines = sites.map(
    ({ id, origin, fanOut }) => `  - { id: ${id}, origin: "${origin}", fanOut: ${fanOut} }`,
  )
  // The least that a manifest takes, or the load would be nothing but hashes.
  const yaml = [`auth: ${auth}`, 'accounts: { password: { cost: 10 } }', 'sites:', ...lines]
  writeFileSync(manifest, `${yaml.join('\n')}\n`)
  const secret = randomBytes(32).toString('base64url')
  const common = {
    CARNET_MANIFEST: manifest,
    CARNET_LOG_LEVEL: 'warn',
    CARNET_DATA_DIR: join(folder, 'data'),
  }
  const redis = { CARNET_REDIS_URL: storeUrl }
  const ways = await agentsAsk?.(authPort)
  const storeOf = (id: string): Record<string, string> =>
    ways === undefined ? redis : { CARNET_STORE_URL: `http://auth.localhost:${ways[id] ?? authPort}` }

  function part(name: string, args: readonly string[], own: Record<string, string>, alive: string): Part {
    const port = ports.get(name) ?? 0
    let program: Program | null = null
    return {
      name,
      get program() {
        if (program === null) throw new Error(`${name} was not started.`)
        return program
      },
      async start() {
        const started = run(args, { ...common, ...own, ...env[name], CARNET_PORT: `${port}` })
        program = started
        await until(async () => {
          if (started.process.exitCode !== null) throw new Error(`${name} ended:\n${started.output()}`)
          return (await send(`http://127.0.0.1:${port}${alive}`)).status !== 0
        }, 30_000)
      },
    }
  }

  const services = ['auth-0', 'auth-1'].map(name =>
    part(
      name,
      [carnet, 'serve'],
      { ...redis, CARNET_SECRETS: secret, CARNET_DATABASE_URL: databaseUrl },
      '/healthz',
    ),
  )
  const agents = SITES.map(({ id }) => {
    const secrets = siteSecrets(parseSecrets(secret), id).join(',')
    const own = { ...storeOf(id), CARNET_SITE: id, CARNET_SITE_SECRETS: secrets }
    return part(id, [siteServer], own, '/api/session')
  })
  const [first, ...others] = services
  // The first one makes the tables.
  await first?.start()
  await Promise.all(others.map(one => one.start()))
  const balancer = await startBalancer(
    authPort,
    services.map(({ name }) => ports.get(name) ?? 0),
  )
  // After what they may have to ask.
  await Promise.all(agents.map(one => one.start()))
  return {
    auth,
    sites,
    services,
    agents,
    balancer,
    async stop() {
      await balancer.stop()
      for (const { program } of [...services, ...agents]) {
        program.process.kill('SIGCONT')
        program.process.kill('SIGKILL')
        await program.exited
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
