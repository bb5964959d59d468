// The auth service as agents over HTTP ask it, as a process of its own: node store-service.ts REDIS_URL. It prints its
// address.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAuthService } from '@carnet/auth-service'
import { fixedManifest, openStore } from '@carnet/protocol'
import { pino } from 'pino'
import { manifestAt, SECRETS } from './servers/bench-site.ts'

const [redisUrl = ''] = process.argv.slice(2)
const server = createServer()
server.listen(0, '127.0.0.1', async () => {
  const url = `http://auth.localhost:${(server.address() as AddressInfo).port}`
  const service = await createAuthService({
    manifest: fixedManifest(manifestAt(url)),
    store: await openStore(redisUrl),
    databaseUrl: 'sqlite::memory:',
    secrets: SECRETS,
    log: pino({ level: 'silent' }),
  })
  server.on('request', service.app.callback())
  console.log(`serves ${url}`)
})
