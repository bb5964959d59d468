import { newSid, type TicketRecord } from '@carnet/protocol'
import { Redis } from 'ioredis'
import { sayWho } from './say-who.ts'
import { type Maker, SESSIONS, type SignedIn, served, TICKETS, userAt } from './served.ts'

const QUERY = /[?&]ticket=([\w.-]+)/
const AT_ONCE = 10_000

const record: TicketRecord = {
  sid: newSid(),
  site: 'shop',
  binding: { address: '127.0.0.1', userAgent: 'bench' },
  nonceHash: null,
}

/** The least that something good once can cost in Redis: one GETDEL, of a value as long as a ticket's record. */
export const nodeGetdel: Maker = async redisUrl => {
  const redis = new Redis(redisUrl)
  const { length } = JSON.stringify(record)
  const requests: SignedIn[] = []
  while (requests.length < TICKETS) {
    const pipeline = redis.pipeline()
    for (let count = 0; count < AT_ONCE; count++) {
      const { id } = userAt(requests.length % SESSIONS)
      const ticket = `shop.${newSid()}`
      pipeline.set(`ticket:${ticket}`, `${id}\n`.padEnd(length, '.'), 'EX', 600)
      requests.push({ path: `/?ticket=${ticket}`, cookie: '', userId: id })
    }
    await pipeline.exec()
  }
  return served(async (req, res) => {
    const ticket = QUERY.exec(req.url ?? '')?.[1]
    const stored = ticket === undefined ? null : await redis.getdel(`ticket:${ticket}`)
    sayWho(res, stored?.slice(0, stored.indexOf('\n')))
  }, requests)
}
