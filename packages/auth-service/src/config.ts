import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  isLocalhost,
  loadManifest,
  type Manifest,
  ManifestError,
  originsOf,
  parseSecrets,
  parseTrustProxy,
  type Secrets,
} from '@carnet/protocol'
import { z } from 'zod'

/** The environment, read and checked once. */
export interface Config {
  readonly production: boolean
  readonly manifestFile: string
  readonly manifest: Manifest
  /** A store's URL; `memory:` is the embedded one. */
  readonly storeUrl: string
  /** Where tries are counted, named as a store is. */
  readonly limitsUrl: string
  readonly databaseUrl: string
  readonly secrets: Secrets
  /** Addresses and CIDRs, or `none`. */
  readonly trustProxy: string
  readonly host: string
  readonly port: number
  readonly logLevel: string
  /** Null: production without a mail server, where mails wait. */
  readonly mail: { readonly url: string; readonly from: string } | 'kept' | null
}

/** Everything that is wrong with the configuration, each with what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`The configuration does not work:\n${faults.map(fault => `  - ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

const redisUrl = z
  .string()
  .regex(
    /^(rediss?(\+sentinel|\+cluster)?:\/\/.+|memory:)$/,
    'must be redis://host, redis+sentinel://h1,h2/name or redis+cluster://h1,h2, each with rediss for TLS, or memory: for what this process keeps by itself',
  )

const environment = z.object({
  NODE_ENV: z.string().optional(),
  CARNET_MANIFEST: z.string().default('deploy/sites.yaml'),
  CARNET_REDIS_URL: redisUrl.optional(),
  CARNET_LIMITS_REDIS_URL: redisUrl.optional(),
  CARNET_DATABASE_URL: z
    .string()
    .regex(
      /^(sqlite:.+|postgres(ql)?:\/\/.+)$/,
      'must be sqlite:FILE, as in sqlite:./data/carnet.sqlite, or postgres://user@host/name',
    )
    .optional(),
  CARNET_SECRETS: z.string().optional(),
  CARNET_SMTP_URL: z
    .string()
    .refine(isMailServer, 'must be a mail server such as smtp://user:password@mail.example.com:587')
    .optional(),
  CARNET_MAIL_FROM: z
    .string()
    .regex(
      /^([^<>\r\n]+ )?<?[^\s<>@]+@[^\s<>@]+>?$/,
      'must be the sender of mails, such as "Example <login@example.com>"',
    )
    .optional(),
  CARNET_TRUST_PROXY: z
    .string()
    .default('none')
    .refine(isProxyList, 'must be none, or addresses and CIDRs such as 10.0.0.0/8,::1'),
  CARNET_HOST: z.string().default('127.0.0.1'),
  CARNET_PORT: z
    .string()
    .default('4000')
    .refine(port => /^\d{1,5}$/.test(port) && Number(port) < 65_536, 'must be a port, 0 to 65535'),
  CARNET_LOG_LEVEL: z
    .string()
    .default('info')
    .refine(level => LEVELS.includes(level), `must be one of ${LEVELS.join(', ')}`),
  CARNET_DATA_DIR: z.string().default('./data'),
})

/**
 * Reads the environment; nothing else of the service does. `serving` is false for commands that only look at the
 * accounts or the sites, and need no store. Throws `ConfigError` with all faults at once.
 */
export function loadConfig(env: NodeJS.ProcessEnv, { serving = true }: { serving?: boolean } = {}): Config {
  const faults: string[] = []
  // A variable set to nothing counts as unset: that is how compose files and shells leave one out.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const read = environment.safeParse(given)
  if (!read.success)
    faults.push(...read.error.issues.map(issue => `${issue.path.join('.')} ${issue.message}.`))
  const manifestFile = given['CARNET_MANIFEST'] ?? 'deploy/sites.yaml'
  const manifest = attempt(() => loadManifest(manifestFile), faults)
  const production = isProduction(given['NODE_ENV'], manifest)
  const secrets = attempt(
    () => readSecrets(given['CARNET_SECRETS'], production, given['CARNET_DATA_DIR'] ?? './data'),
    faults,
  )
  if (given['CARNET_SMTP_URL'] !== undefined && given['CARNET_MAIL_FROM'] === undefined) {
    faults.push(
      'CARNET_MAIL_FROM is missing: name the sender of mails, such as "Example <login@example.com>".',
    )
  }
  if (production && serving) faults.push(...unsafe(manifest, given['CARNET_REDIS_URL']))
  if (production && faults.length > 0) faults.push(reasonOfProduction(given['NODE_ENV'], manifest))
  if (faults.length > 0 || !read.success || manifest === null || secrets === null)
    throw new ConfigError(faults)
  const data = read.data
  return {
    production,
    manifestFile,
    manifest,
    storeUrl: data.CARNET_REDIS_URL ?? 'memory:',
    limitsUrl: data.CARNET_LIMITS_REDIS_URL ?? data.CARNET_REDIS_URL ?? 'memory:',
    databaseUrl: data.CARNET_DATABASE_URL ?? `sqlite:${join(data.CARNET_DATA_DIR, 'carnet.sqlite')}`,
    secrets,
    trustProxy: data.CARNET_TRUST_PROXY,
    host: data.CARNET_HOST,
    port: Number(data.CARNET_PORT),
    logLevel: data.CARNET_LOG_LEVEL,
    mail:
      data.CARNET_SMTP_URL === undefined
        ? production
          ? null
          : 'kept'
        : { url: data.CARNET_SMTP_URL, from: data.CARNET_MAIL_FROM ?? '' },
  }
}

function isProduction(nodeEnv: string | undefined, manifest: Manifest | null): boolean {
  if (nodeEnv === 'production') return true
  return manifest !== null && !isLocalhost(new URL(manifest.auth).hostname)
}

function reasonOfProduction(nodeEnv: string | undefined, manifest: Manifest | null): string {
  const reason = nodeEnv === 'production' ? 'NODE_ENV says so' : `auth is ${manifest?.auth}, not localhost`
  return `(This counts as production: ${reason}.)`
}

/** What production does not start with. */
function unsafe(manifest: Manifest | null, storeUrl: string | undefined): string[] {
  const faults: string[] = []
  if (storeUrl === undefined) {
    faults.push(
      'CARNET_REDIS_URL is missing: production does not fall back to the embedded store, which no other process sees. Set redis://…, or memory: to ask for the embedded store by name.',
    )
  }
  for (const origin of manifest === null ? [] : [manifest.auth, ...manifest.sites.flatMap(originsOf)]) {
    if (origin.startsWith('http:'))
      faults.push(`${origin} is no https origin; production needs https everywhere.`)
  }
  return faults
}

function readSecrets(given: string | undefined, production: boolean, dataDir: string): Secrets {
  if (given !== undefined) {
    try {
      return parseSecrets(given)
    } catch (error) {
      throw new TypeError(
        `CARNET_SECRETS: ${(error as Error).message} Make one with: openssl rand -base64 32`,
      )
    }
  }
  if (production) {
    throw new TypeError(
      'CARNET_SECRETS is missing: production needs it. Make one with: openssl rand -base64 32',
    )
  }
  const file = join(dataDir, 'secrets')
  if (!existsSync(file)) keepNewSecret(file)
  return parseSecrets(readFileSync(file, 'utf8'))
}

/** Puts a new secret where none is. Of several processes that come at once the first one's stays, whole. */
function keepNewSecret(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const own = `${file}.${randomBytes(6).toString('hex')}`
  writeFileSync(own, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  try {
    // A link appears with its content in it, and never over another.
    linkSync(own, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
}

function isMailServer(url: string): boolean {
  return URL.canParse(url) && /^smtps?:$/.test(new URL(url).protocol) && new URL(url).hostname !== ''
}

function isProxyList(list: string): boolean {
  try {
    parseTrustProxy(list)
    return true
  } catch {
    return false
  }
}

function attempt<T>(read: () => T, faults: string[]): T | null {
  try {
    return read()
  } catch (error) {
    const each = error instanceof ManifestError ? error.message.split('\n') : [(error as Error).message]
    faults.push(...each)
    return null
  }
}
