// The auth service, as a process of its own: node sign-in-server.ts DATABASE_FILE EMAIL PASSWORD. At 'begin' it starts
// to look at its event loop, at 'end' it sends what it saw.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createAuthService } from '@carnet/auth-service'
import { fixedManifest, loadManifest, MemoryStore, parseSecrets } from '@carnet/protocol'
import { pino } from 'pino'

const [file = '', email = '', password = ''] = process.argv.slice(2)
const manifest = loadManifest(join(import.meta.dirname, '../../deploy/demo/sites.yaml'))
const service = await createAuthService({
  manifest: fixedManifest(manifest),
  store: new MemoryStore(),
  databaseUrl: `sqlite:${file}`,
  secrets: parseSecrets('a secret for the bench of 32 bytes or more'.replaceAll(' ', '-')),
  log: pino(pino.destination('/dev/null')),
})
await service.users.add({ email, password, name: 'Ada', emailVerified: true })

const delay = monitorEventLoopDelay({ resolution: 1 })
process.on('message', message => {
  if (message === 'begin') {
    delay.reset()
    delay.enable()
    return
  }
  delay.disable()
  process.send?.({ delayMs: delay.percentile(99) / 1e6 })
})

const server = createServer(service.app.callback())
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
