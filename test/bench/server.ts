// One server under load, as a process of its own: node server.ts KIND COOKIES_FILE [REDIS_URL]
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  issueTickets,
  MemoryStore,
  openStore,
  parseManifest,
  Signer,
  signSid,
  startSession,
} from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import { type CarnetState, carnet } from '@carnet/site-agent/koa'
import Koa from 'koa'
import { ada, clientAt } from '../support/people.ts'

const SESSIONS = 10_000
const TICKETS = 150_000
const [kind = '', file = '', redisUrl] = process.argv.slice(2)

const secret = 'a secret for the bench, 32 bytes or more'.replace(',', '')
const manifest = parseManifest(
  'auth: http://auth.localhost\nticket: { ttl: 60s }\nsites: [{ id: shop, origin: "http://shop.localhost", fanOut: push }]\n',
  'bench',
)

const app = new Koa<CarnetState>()
const lines: string[] = []

if (kind === 'bare') {
  app.use(ctx => {
    ctx.body = ada.id
  })
  lines.push('/\t')
} else {
  const store = redisUrl === undefined ? new MemoryStore() : await openStore(redisUrl)
  const agent = await createAgent({ site: 'shop', manifest, secrets: secret, store })
  app.use(carnet(agent))
  app.use(carnet.required())
  app.use(ctx => {
    ctx.body = ctx.state.session?.user.id
  })
  const signer = new Signer([secret], 'shop')
  for (let count = 0; count < SESSIONS; count++) {
    const { sid } = await startSession(
      store,
      { ...ada, id: ada.id },
      { idle: 3_600_000, absolute: 7_200_000 },
    )
    if (kind === 'session') lines.push(`/\tcarnet=${signSid(signer, sid)}`)
    if (kind !== 'redeem') continue
    const requests = Array.from({ length: TICKETS / SESSIONS }, () => ({
      site: 'shop',
      ttl: 60_000,
      state: null,
    }))
    const client = clientAt('127.0.0.1', { 'user-agent': 'bench' })
    for (const ticket of await issueTickets(store, sid, client, requests))
      lines.push(`/api/auth.gif?ticket=${ticket}\t`)
  }
}

writeFileSync(file, `${lines.join('\n')}\n`)
const server = createServer(app.callback())
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`))
