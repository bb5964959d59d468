import {
  type AgentStore,
  findSite,
  fixedManifest,
  HttpRequests,
  HttpStore,
  isLocalhost,
  type LiveManifest,
  type Manifest,
  MemoryStore,
  openStore,
  ProxyNotice,
  parseSecrets,
  parseTrustProxy,
  Reporter,
  type Secrets,
  type Signatory,
  Signer,
  watchManifest,
} from '@carnet/protocol'
import { Agent } from './agent.ts'
import type { AgentLog } from './place.ts'
import type { CacheOptions } from './session-cache.ts'

/** What an agent is made from. */
export interface AgentOptions {
  /** The id of the site in the manifest. */
  site: string
  /** The manifest's file, which is followed as it changes, a manifest, or one that somebody else follows. */
  manifest: string | Manifest | LiveManifest
  /** The site's secrets, newest first, as `carnet site secret <id>` prints them: a list, or separated by commas. Required, though an unset variable may stand here: the error then says so. */
  secrets: string | readonly string[] | undefined
  /**
   * The auth service's store: a Redis URL; the auth service itself, `https://auth.example.com`, where its Redis is out of
   * reach; or `memory:` for the embedded store of this process. Left out, it is the embedded one too, except in
   * production, which asks for it by name.
   */
  store?: string | AgentStore | undefined
  /** Addresses and CIDRs of proxies to believe, separated by commas. Default: `none`. */
  trustProxy?: string | undefined
  /** How many sessions are kept in memory, some 400 bytes each; 0 asks the store at every check. Default: 50,000. */
  cache?: number | undefined
  /**
   * What is said of sessions while the store is away: `refuse`, the default, takes nobody for signed in. `stale` goes on
   * for `staleFor` seconds with those that were known, also of people who have signed out elsewhere meanwhile.
   */
  onStoreDown?: 'refuse' | 'stale' | undefined
  /** Seconds, 1 to 600. Default: 60. */
  staleFor?: number | undefined
  /** Default: nothing is logged. A pino logger fits, and so does `console`. */
  log?: AgentLog | undefined
}

/**
 * Makes the agent of a site. Throws a `TypeError` for options that cannot work, and `ManifestError` for a faulty
 * manifest; a store that is away is no fault: the agent starts and waits for it.
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const log: AgentLog = options.log ?? { info: () => {}, warn: () => {} }
  const manifest = openManifest(options.manifest, log)
  try {
    const site = findSite(manifest.current, options.site)
    if (site === null) {
      const known = manifest.current.sites.map(({ id }) => id).join(', ')
      throw new TypeError(`The manifest has no site "${options.site}". It has: ${known}.`)
    }
    const secrets = readSecrets(options)
    const signer = new Signer(secrets, site.id)
    const trust = parseTrustProxy(options.trustProxy ?? 'none')
    const proxies = new ProxyNotice(trust, peer => log.warn({ site: site.id, peer }, 'proxy_untrusted'))
    // Before the store is opened: what is open keeps the process alive.
    const kept = cacheOptions(options)
    const given = typeof options.store === 'object' ? options.store : null
    const store =
      given ??
      (await openOwnStore(options.store as string | undefined, {
        manifest: manifest.current,
        signatory: { site: site.id, secrets },
        log,
      }))
    const reporter = new Reporter(store, site.id)
    const asked = signedRequests(options.store, manifest, { site: site.id, secrets })
    const { authService } = asked
    const parts = { siteId: site.id, manifest, store, signer, trust, proxies, log, reporter, authService }
    const close = async () => {
      manifest.close()
      await reporter.flush()
      asked.close()
      // The embedded store is the whole process's, not ours to close.
      if (given === null && !(store instanceof MemoryStore)) await store.close()
    }
    return new Agent(parts, { site, kept, close })
  } catch (error) {
    manifest.close()
    throw error
  }
}

function cacheOptions({ cache = 50_000, onStoreDown = 'refuse', staleFor = 60 }: AgentOptions): CacheOptions {
  if (!Number.isSafeInteger(cache) || cache < 0 || cache > 10_000_000) {
    throw new TypeError('`cache` must be a number of sessions, 0 to 10,000,000.')
  }
  if (onStoreDown !== 'refuse' && onStoreDown !== 'stale') {
    throw new TypeError("`onStoreDown` must be 'refuse' or 'stale'.")
  }
  if (!(staleFor >= 1 && staleFor <= 600)) throw new TypeError('`staleFor` must be 1 to 600 seconds.')
  if (onStoreDown === 'stale' && cache === 0) {
    throw new TypeError("`onStoreDown: 'stale'` needs a `cache` to serve from.")
  }
  return { sessions: cache, staleFor: onStoreDown === 'stale' ? staleFor * 1000 : 0 }
}

function openManifest(source: string | Manifest | LiveManifest, log: AgentLog): LiveManifest {
  if (typeof source !== 'string') return 'current' in source ? borrowed(source) : fixedManifest(source)
  return watchManifest(source, {
    changed: () => log.info({ file: source }, 'manifest_changed'),
    refused: error => log.warn({ file: source, reason: error.message }, 'manifest_refused'),
  })
}

/** Somebody else's, not ours to close. */
function borrowed(manifest: LiveManifest): LiveManifest {
  return {
    get current() {
      return manifest.current
    },
    close: () => {},
  }
}

function readSecrets({ site, secrets }: AgentOptions): Secrets {
  try {
    return parseSecrets(secrets ?? '')
  } catch (error) {
    throw new TypeError(
      `\`secrets\`: ${(error as Error).message} Print them with: carnet site secret ${site}`,
    )
  }
}

async function openOwnStore(
  url: string | undefined,
  { manifest, signatory, log }: { manifest: Manifest; signatory: Signatory; log: AgentLog },
): Promise<AgentStore> {
  const onError = (error: Error) => log.warn({ reason: reasonOf(error) }, 'store_error')
  if (url !== undefined && /^https?:/.test(url)) {
    const store = new HttpStore(url, signatory, onError)
    await store.settled(2_000)
    return store
  }
  const production = process.env['NODE_ENV'] === 'production' || !isLocalhost(new URL(manifest.auth).hostname)
  if (url === undefined && production) {
    throw new TypeError(
      "`store` is missing: give the URL of the auth service's Redis, that of the auth service itself, or 'memory:' where it runs in this very process.",
    )
  }
  if (url === undefined) {
    process.emitWarning(
      'No `store` is named: this agent sees only the sessions of an auth service in this very process.',
      {
        type: 'CarnetWarning',
      },
    )
  }
  return openStore(url ?? 'memory:', onError)
}

/** The way to the auth service itself, at the address of the store where that is one; made when it is first gone. */
function signedRequests(
  store: AgentOptions['store'],
  manifest: LiveManifest,
  signatory: Signatory,
): { authService: () => HttpRequests; close: () => void } {
  let requests: HttpRequests | null = null
  return {
    authService() {
      const isAddress = typeof store === 'string' && /^https?:/.test(store)
      requests ??= new HttpRequests(isAddress ? store : manifest.current.auth, signatory)
      return requests
    },
    close: () => requests?.close(),
  }
}

/** What a connection says by itself says more than what is made of it for people. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error ? cause.message : message
}
