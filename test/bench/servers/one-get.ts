import { newSid } from '@carnet/protocol'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { serializeSession } from '../../../packages/protocol/src/session-record.ts'
import { sayWho, sayWhoInKoa } from './say-who.ts'
import { everybody, type Maker, type SignedIn, served, userAt } from './served.ts'

const COOKIE = /(?:^|; )session=([\w-]{32})(?:;|$)/

/** The least that a session in Redis can cost: one GET, unsigned, of a value as long as a session's record. */
async function lookup(redisUrl: string) {
  const redis = new Redis(redisUrl)
  const requests: SignedIn[] = []
  const pipeline = redis.pipeline()
  for (const { id } of everybody()) {
    const sid = newSid()
    pipeline.set(`session:${sid}`, `${id}\n`.padEnd(RECORD_LENGTH, '.'), 'EX', 3_600)
    requests.push({ path: '/', cookie: `session=${sid}`, userId: id })
  }
  await pipeline.exec()
  const whoHas = async (cookie = ''): Promise<string | undefined> => {
    const sid = COOKIE.exec(cookie)?.[1]
    const stored = sid === undefined ? null : await redis.get(`session:${sid}`)
    return stored?.slice(0, stored.indexOf('\n'))
  }
  return { requests, whoHas }
}

const NOW = Date.now()
const RECORD_LENGTH = serializeSession({
  user: userAt(0),
  startedAt: NOW,
  authenticatedAt: NOW,
  expiresAt: NOW,
  revision: 0,
  rememberedUntil: 0,
}).length

export const nodeGet: Maker = async redisUrl => {
  const { requests, whoHas } = await lookup(redisUrl)
  return served(async (req, res) => sayWho(res, await whoHas(req.headers.cookie)), requests)
}

export const koaGet: Maker = async redisUrl => {
  const { requests, whoHas } = await lookup(redisUrl)
  const app = new Koa()
  app.use(async ctx => sayWhoInKoa(ctx, await whoHas(ctx.headers.cookie)))
  return served(app.callback(), requests)
}
