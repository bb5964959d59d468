import { type Agent, createAgent } from '@carnet/site-agent'

/** The agent of this site, the same for every stack: which site it is stands in the environment. */
export function openAgent(): Promise<Agent> {
  return createAgent({
    site: process.env['CARNET_SITE'] ?? 'shop',
    manifest: process.env['CARNET_MANIFEST'] ?? 'deploy/sites.yaml',
    secrets: process.env['CARNET_SITE_SECRETS'],
    store: process.env['CARNET_REDIS_URL'],
    trustProxy: process.env['CARNET_TRUST_PROXY'],
    log: console,
  })
}
