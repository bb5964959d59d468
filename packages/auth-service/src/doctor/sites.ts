import { originsOf, type Site } from '@carnet/protocol'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { about, type Finding } from './finding.ts'
import { inParallel } from './in-parallel.ts'
import { VERSION } from './version.ts'
import { ask, type Reply, reasonOf } from './web-client.ts'

const health = z.object({
  data: z.object({ site: z.string(), version: z.string(), store: z.enum(['ok', 'unavailable']) }),
})

/** An origin of a site. */
export interface SiteOrigin {
  readonly site: Site
  readonly origin: string
}

/** What was found at the sites, and where a browser could be signed in. */
export interface SiteFindings {
  readonly findings: readonly Finding[]
  readonly open: readonly SiteOrigin[]
}

/** Whether each site's own agent answers at its origin and at each alias, in this version, and reaches the store. */
export async function examineSites({ manifest }: Pick<Config, 'manifest'>): Promise<SiteFindings> {
  const all = manifest.sites.flatMap(site => originsOf(site).map(origin => ({ site, origin })))
  const findings = await inParallel(all, examineOrigin)
  return {
    findings: findings.filter(finding => finding !== null),
    open: all.filter((_, index) => findings[index]?.level === 'ok' || findings[index]?.level === 'warning'),
  }
}

/** Null where there is nothing to say but what is said of the certificate. */
async function examineOrigin({ site: { id }, origin }: SiteOrigin): Promise<Finding | null> {
  const { ok, warning, fault } = about('sites')
  let reply: Reply
  try {
    reply = await ask(`${origin}/api/healthz`)
  } catch (error) {
    if (isOfCertificate(error)) return null
    return fault(
      `${id}: ${origin} cannot be reached: ${reasonOf(error)}. Start the site with its agent, or see to its name and its proxy.`,
    )
  }
  const said = health.safeParse(parsed(reply.body))
  if (!said.success) return noAgent(id, origin, reply.status)
  const { site, version, store } = said.data.data
  if (site !== id) {
    return fault(
      `${id}: at ${origin} the agent of "${site.slice(0, 64)}" answers: forward it to that of ${id}, or make that one with site ${id} (CARNET_SITE).`,
    )
  }
  if (store !== 'ok') {
    return fault(
      `${id}: the agent at ${origin} does not reach the store, and takes nobody for signed in: see to the store that it is given (CARNET_REDIS_URL, CARNET_STORE_URL), and to "store_error" in its log.`,
    )
  }
  if (version !== VERSION) {
    return warning(
      `${id}: the agent at ${origin} is version ${version.slice(0, 64)}, and this is ${VERSION}: update the older one.`,
    )
  }
  return ok(`${id}: its agent answers at ${origin}, version ${version}`)
}

function noAgent(id: string, origin: string, status: number): Finding {
  const { fault } = about('sites')
  if (status >= 500) {
    return fault(`${id}: ${origin} answers ${status}: start the site behind it, and see to its log.`)
  }
  return fault(
    `${id}: something else than an agent of this version answers at ${origin}/api/healthz (${status}): mount the agent in front of the site's own pages, and have the proxy forward /api/.`,
  )
}

/** Node's codes of certificates that it does not take, beside those of OpenSSL's alerts. */
function isOfCertificate(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS_/.test(code)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
