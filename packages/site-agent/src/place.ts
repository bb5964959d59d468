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
  /** False where the manifest in force does not name the site; `site` is its last entry then. */
  readonly listed: boolean
  readonly origin: string
  /** All origins of the site. */
  readonly ownOrigins: readonly string[]
  readonly names: CookieNames
}

/**
 * Finds the place a request came to. The Host header only picks among the site's own origins, and what matches none
 * is taken for the first: no request can name its audience. A site that left the manifest keeps its addresses, unlisted.
 */
export function placeFinder(agency: Agency, first: Site): (request: AgentRequest) => Place {
  let site = first
  let current: Manifest | null = null
  let main: Place | null = null
  let aliases = new Map<string, Place>()

  return request => {
    if (main === null || current !== agency.manifest.current) {
      current = agency.manifest.current
      const found = findSite(current, agency.siteId)
      noteChange(agency, main?.listed ?? true, found !== null)
      site = found ?? site
      const entry = { current, site, listed: found !== null }
      main = place(agency, entry, site.origin)
      aliases = new Map(site.aliases.map(alias => [new URL(alias).host, place(agency, entry, alias)]))
    }
    if (aliases.size === 0) return main
    return aliases.get(String(request.headers['host']).toLowerCase()) ?? main
  }
}

function place(agency: Agency, entry: Pick<Place, 'current' | 'site' | 'listed'>, origin: string): Place {
  return { ...agency, ...entry, origin, ownOrigins: originsOf(entry.site), names: cookieNames(origin) }
}

function noteChange({ siteId, log }: Agency, before: boolean, now: boolean): void {
  if (before && !now) log.warn({ site: siteId }, 'site_unlisted')
  if (!before && now) log.info({ site: siteId }, 'site_listed')
}

/** The client of a request. */
export function clientAt(place: Place, request: AgentRequest): Client {
  place.proxies.see(request)
  return clientOf(request, place.trust)
}
