// One site's own server, as an operator would start it: its agent, on the Redis of the auth service, or asking it.
//   CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_REDIS_URL=redis://… node deploy/demo/site-server.ts
//   CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_STORE_URL=https://auth.example.com node deploy/demo/site-server.ts
import { createServer } from 'node:http'
import { loadManifest } from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import { pino } from 'pino'
import { createSite } from './site.ts'

const { CARNET_SITE: site = '', CARNET_SITE_SECRETS: secrets = '' } = process.env
const store = process.env['CARNET_STORE_URL'] || process.env['CARNET_REDIS_URL']
const file = process.env['CARNET_MANIFEST'] || 'deploy/sites.yaml'
const log = pino({ level: process.env['CARNET_LOG_LEVEL'] || 'info' })

const agent = await createAgent({
  site,
  manifest: file,
  secrets,
  store,
  trustProxy: process.env['CARNET_TRUST_PROXY'],
  log,
})
const app = createSite(agent, site, loadManifest(file), log)
// Slow requests are cut: Node's own limits are a minute and more, and looked at every 30 s.
const limits = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1_000 }
const server = createServer(limits, app.callback())
const port = Number(process.env['CARNET_PORT'] || 4001)
server.listen(port, process.env['CARNET_HOST'] || '127.0.0.1', () => log.info({ site, port }, 'listening'))
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => server.close(() => void agent.close()))
}
