import {
  findSite,
  isLocalhost,
  loadManifest,
  type Manifest,
  ManifestError,
  parseSecrets,
  parseTrustProxy,
  type Secrets,
} from '@carnet/protocol'
import { z } from 'zod'

/** What a process of agents is told by its environment, read and checked once. */
export interface AgentsConfig {
  readonly manifestFile: string
  /** The sites that were named; null: each site of the manifest whose secrets are there. */
  readonly sites: readonly string[] | null
  /** A site's secrets, or null where none are given. */
  readonly secretsOf: (site: string) => Secrets | null
  /** A store's URL; with `https:` that of the auth service. */
  readonly storeUrl: string
  /** Addresses and CIDRs, or `none`. */
  readonly trustProxy: string
  readonly host: string
  readonly port: number
  readonly logLevel: string
}

/** What it is told, for who asks. */
export const ENVIRONMENT = `Environment:
  CARNET_MANIFEST      the manifest (default: deploy/sites.yaml)
  CARNET_SITE          ids of the sites to serve, separated by commas; unset: all whose secrets are given
  CARNET_SITE_SECRETS_SHOP
                       the secrets of the site shop, as carnet site secret shop prints them; with one site in
                       CARNET_SITE also CARNET_SITE_SECRETS
  CARNET_STORE_URL     the auth service, https://auth.example.com, or its Redis, redis://host; CARNET_REDIS_URL will do
  CARNET_TRUST_PROXY   addresses and CIDRs of the proxies that may ask (default: none)
  CARNET_HOST, CARNET_PORT, CARNET_LOG_LEVEL
                       127.0.0.1, 4010, info`

/** Everything that is wrong with the configuration, each with what to do. */
export class AgentsConfigError extends Error {
  override readonly name = 'AgentsConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`The configuration does not work:\n${faults.map(fault => `  - ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

const SECRETS = 'CARNET_SITE_SECRETS'
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

const storeUrl = z
  .string()
  .refine(
    isStore,
    'must be the auth service, https://auth.example.com, or its Redis: redis://host, redis+sentinel://h1,h2/name or redis+cluster://h1,h2, each with rediss for TLS (memory: is for the process of the auth service itself)',
  )

const environment = z.object({
  CARNET_MANIFEST: z.string().default('deploy/sites.yaml'),
  CARNET_SITE: z.string().optional(),
  CARNET_STORE_URL: storeUrl.optional(),
  CARNET_REDIS_URL: storeUrl.optional(),
  CARNET_TRUST_PROXY: z
    .string()
    .default('none')
    .refine(isProxyList, 'must be none, or addresses and CIDRs such as 10.0.0.0/8,::1'),
  CARNET_HOST: z.string().default('127.0.0.1'),
  CARNET_PORT: z
    .string()
    .default('4010')
    .refine(port => /^\d{1,5}$/.test(port) && Number(port) < 65_536, 'must be a port, 0 to 65535'),
  CARNET_LOG_LEVEL: z
    .string()
    .default('info')
    .refine(level => LEVELS.includes(level), `must be one of ${LEVELS.join(', ')}`),
})

/** Reads the environment of a process of agents. Throws `AgentsConfigError` with all faults at once. */
export function loadAgentsConfig(env: NodeJS.ProcessEnv): AgentsConfig {
  const faults: string[] = []
  // A variable set to nothing counts as unset: that is how compose files and shells leave one out.
  const given: NodeJS.ProcessEnv = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const read = environment.safeParse(given)
  if (!read.success) {
    faults.push(...read.error.issues.map(issue => `${issue.path.join('.')} ${issue.message}.`))
  }
  const manifestFile = given['CARNET_MANIFEST'] ?? 'deploy/sites.yaml'
  const manifest = readManifest(manifestFile, faults)
  const sites = given['CARNET_SITE']?.split(',').map(id => id.trim()) ?? null
  const { CARNET_STORE_URL: store, CARNET_REDIS_URL: redis } = given
  if (store === undefined && redis === undefined) {
    faults.push(
      'CARNET_STORE_URL is missing: give the URL of the auth service, such as https://auth.example.com, or of its Redis, redis://….',
    )
  } else if (store !== undefined && redis !== undefined && store !== redis) {
    faults.push('CARNET_STORE_URL and CARNET_REDIS_URL name two stores: set one of them.')
  }
  const secrets = readSecrets(given, faults)
  if (manifest !== null) faults.push(...missing(given, manifest, sites))
  if (faults.length > 0 || !read.success) throw new AgentsConfigError(faults)
  const { data } = read
  return {
    manifestFile,
    sites,
    secretsOf: site =>
      secrets.get(sites?.length === 1 ? SECRETS : '') ?? secrets.get(secretsVariable(site)) ?? null,
    storeUrl: data.CARNET_STORE_URL ?? data.CARNET_REDIS_URL ?? '',
    trustProxy: data.CARNET_TRUST_PROXY,
    host: data.CARNET_HOST,
    port: Number(data.CARNET_PORT),
    logLevel: data.CARNET_LOG_LEVEL,
  }
}

/** The variable that holds the secrets of a site: `CARNET_SITE_SECRETS_SHOP` for `shop`. */
export function secretsVariable(site: string): string {
  return `${SECRETS}_${site.toUpperCase().replaceAll('-', '_')}`
}

/** All secrets by their variables, also of sites that the manifest may have later. */
function readSecrets(given: NodeJS.ProcessEnv, faults: string[]): Map<string, Secrets> {
  const secrets = new Map<string, Secrets>()
  for (const [variable, value] of Object.entries(given)) {
    if (variable !== SECRETS && !variable.startsWith(`${SECRETS}_`)) continue
    try {
      secrets.set(variable, parseSecrets(value ?? ''))
    } catch (error) {
      faults.push(`${variable}: ${(error as Error).message} Print them with: carnet site secret ID`)
    }
  }
  return secrets
}

/** What is wrong with the sites to serve and with whose secrets are given. */
function missing(given: NodeJS.ProcessEnv, manifest: Manifest, named: readonly string[] | null): string[] {
  const faults: string[] = []
  const all = manifest.sites.map(({ id }) => id)
  const sole = given[SECRETS] !== undefined
  if (sole && named?.length !== 1) {
    faults.push(
      `${SECRETS} is of one site: name that one in CARNET_SITE, or give each its own, such as ${secretsVariable(all[0] ?? 'shop')}.`,
    )
  }
  for (const id of named ?? []) {
    if (findSite(manifest, id) === null) {
      faults.push(`CARNET_SITE: the manifest has no site "${id}". It has: ${all.join(', ')}.`)
    } else if (!sole && given[secretsVariable(id)] === undefined) {
      faults.push(`${secretsVariable(id)} is missing. Print it with: carnet site secret ${id}`)
    }
  }
  if (named === null && !sole && all.every(id => given[secretsVariable(id)] === undefined)) {
    faults.push(
      `No site's secrets are given: set those of each site that this process serves (${all.map(secretsVariable).join(', ')}), as carnet site secret ID prints them.`,
    )
  }
  return faults
}

function readManifest(file: string, faults: string[]): Manifest | null {
  try {
    return loadManifest(file)
  } catch (error) {
    const { message } = error as Error
    faults.push(...(error instanceof ManifestError ? message.split('\n') : [message]))
    return null
  }
}

function isStore(url: string): boolean {
  if (/^(rediss?(\+sentinel|\+cluster)?:\/\/.+|memory:)$/.test(url)) return true
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isLocalhost(hostname))
}

function isProxyList(list: string): boolean {
  try {
    parseTrustProxy(list)
    return true
  } catch {
    return false
  }
}
