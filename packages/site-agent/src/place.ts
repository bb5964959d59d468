import {
  type AgentStore,
  type Client,
  type CookieNames,
  clientOf,
  cookieNames,
  findSite,
  type HttpRequests,
  type LiveManifest,
  type Manifest,
  originsOf,
  type ProxyNotice,
  type Reporter,
  type SessionRecord,
  type Signer,
  type Site,
  type TrustProxy,
} from '@carnet/protocol'
import type { AgentRequest } from './exchange.ts'
import type { SessionCache } from './session-cache.ts'

/** What the agent logs to; a pino logger fits. Fields never hold a ticket, a sid, a cookie or a query. */
export interface AgentLog {
  info(fields: object, event: string): void
  warn(fields: object, event: string): void
}

/** How a browser was signed in at this site. */
export type Via = 'bounce' | 'pull' | 'push' | 'form'

/** What one agent works with, all its life. */
export interface Agency {
  readonly siteId: string
  readonly manifest: LiveManifest
  readonly store: AgentStore
  readonly signer: Signer
  readonly trust: TrustProxy
  readonly proxies: ProxyNotice
  readonly log: AgentLog
  readonly cache: SessionCache
  readonly reporter: Reporter
  /** Signed requests to the auth service itself. */
  readonly authService: () => HttpRequests
  /** Told of each session that begins at this site. */
  readonly onSignIn: (sid: string, session: SessionRecord, via: Via) => void
}

/** One origin of the site under the manifest in force. */
export interface Place extends Agency {
  readonly current: Manifest
  readonly site: Site
  readonly origin: string
  /** All origins of the site. */
  readonly ownOrigins: readonly string[]
  readonly names: CookieNames
}

/**
 * Finds the place a request came to. The Host header only picks among the site's own origins, and what matches none
 * is taken for the first: no request can name its audience. A site that left the manifest keeps its last entry.
 */
export function placeFinder(agency: Agency, first: Site): (request: AgentRequest) => Place {
  let site = first
  let current: Manifest | null = null
  let main: Place | null = null
  let aliases = new Map<string, Place>()

  return request => {
    if (main === null || current !== agency.manifest.current) {
      current = agency.manifest.current
      site = findSite(current, agency.siteId) ?? site
      main = place(agency, current, site, site.origin)
      const manifest = current
      aliases = new Map(
        site.aliases.map(alias => [new URL(alias).host, place(agency, manifest, site, alias)]),
      )
    }
    if (aliases.size === 0) return main
    return aliases.get(String(request.headers['host']).toLowerCase()) ?? main
  }
}

function place(agency: Agency, current: Manifest, site: Site, origin: string): Place {
  return { ...agency, current, site, origin, ownOrigins: originsOf(site), names: cookieNames(origin) }
}

/** The client of a request. */
export function clientAt(place: Place, request: AgentRequest): Client {
  place.proxies.see(request)
  return clientOf(request, place.trust)
}
