import { type Manifest, originsOf } from '@carnet/protocol'

/** A file of a deployment; its path is below the folder that it is written to. */
export interface DeployFile {
  readonly path: string
  readonly text: string
}

/** One domain and the agent in front of its app. */
export interface PlannedSite {
  readonly id: string
  /** All host names of the site, its own first. */
  readonly hosts: readonly [string, ...string[]]
  /** On one machine each agent has a port of its own, and so has each app. */
  readonly agentPort: number
  readonly appPort: number
}

/** What the renderers work from: the manifest, and the names and ports that follow from it. */
export interface Plan {
  readonly manifest: Manifest
  /** The manifest as it is written. */
  readonly manifestText: string
  /** The version of the images. */
  readonly version: string
  readonly authHost: string
  /** The path of the auth service below its origin, or nothing. */
  readonly authPath: string
  readonly sites: readonly PlannedSite[]
  /** Logos that are files beside the manifest. */
  readonly logos: readonly string[]
}

/** Where one part finds another, as `host:port`. */
export interface Addresses {
  readonly auth: string
  readonly agentOf: (site: PlannedSite) => string
  readonly appOf: (site: PlannedSite) => string
}

/** The port of the auth service, and that of an agent where it is alone. */
export const AUTH_PORT = 4000
/** See `AUTH_PORT`. */
export const AGENT_PORT = 4010

// A URL's host may hold `;`, `{` and `$`, and a file's name the end of a line: in the files of a deployment they would be
// more than a name.
const HOST = /^[a-z0-9._-]+$/
const FILE = /^[^\p{Cc}\u2028\u2029]+$/u

/** Plans a deployment. Sites keep their order, and with it their ports. Throws for names that not every target can write. */
export function planOf(manifest: Manifest, manifestText: string, version: string): Plan {
  const { hostname, pathname } = new URL(manifest.auth)
  const brands = [manifest.brand, ...manifest.sites.map(site => site.brand)]
  const logos = brands.flatMap(({ logo }) =>
    logo === undefined || logo === null || logo.startsWith('data:') ? [] : [logo],
  )
  const hosts = [manifest.auth, ...manifest.sites.flatMap(originsOf)].map(url => new URL(url).hostname)
  for (const name of [...hosts.filter(host => !HOST.test(host)), ...logos.filter(logo => !FILE.test(logo))]) {
    throw new Error(
      `${JSON.stringify(name)} cannot be written into files of every kind: give it a plain name.`,
    )
  }
  return {
    manifest,
    manifestText,
    version,
    authHost: hostname,
    authPath: pathname.replace(/\/$/, ''),
    sites: manifest.sites.map((site, nth) => ({
      id: site.id,
      hosts: originsOf(site).map(origin => new URL(origin).hostname) as [string, ...string[]],
      agentPort: AGENT_PORT + 1 + nth,
      appPort: 3001 + nth,
    })),
    logos: [...new Set(logos)],
  }
}

/** Everything on one machine. */
export const ONE_MACHINE: Addresses = {
  auth: `127.0.0.1:${AUTH_PORT}`,
  agentOf: ({ agentPort }) => `127.0.0.1:${agentPort}`,
  appOf: ({ appPort }) => `127.0.0.1:${appPort}`,
}

/** What the app learns of who visits; nobody else may say so. */
export const IDENTITY_HEADERS = [
  'X-Carnet-User',
  'X-Carnet-Email',
  'X-Carnet-Name',
  'X-Carnet-Roles',
] as const

/** The agent's own addresses below `/api/`; all else there is the app's. */
export const AGENT_ROUTES = [
  'auth',
  'auth.gif',
  'signin',
  'handover',
  'session',
  'signout',
  'healthz',
] as const
