import { Redis } from 'ioredis'
import Koa, { type Context } from 'koa'
import session from 'koa-session'
import { numberOf, signInEverybody } from './door.ts'
import { sayWhoInKoa } from './say-who.ts'
import { type Maker, served, userAt } from './served.ts'

interface Kept {
  user?: { id: string }
}

/** koa-session with an external store, written as its readme describes one. */
export const koaSession: Maker = async redisUrl => {
  const redis = new Redis(redisUrl)
  const store = {
    async get(key: string) {
      const kept = await redis.get(key)
      return kept === null ? null : JSON.parse(kept)
    },
    async set(key: string, kept: unknown, maxAge: number | 'session') {
      await redis.set(key, JSON.stringify(kept), 'PX', Number(maxAge))
    },
    async destroy(key: string) {
      await redis.del(key)
    },
  }
  const app = (then: (ctx: Context, kept: Kept) => void) => {
    const koa = new Koa()
    koa.keys = ['a secret of the bench']
    koa.use(session({ store, renew: false, maxAge: 3_600_000 }, koa))
    koa.use(ctx => then(ctx, ctx['session'] as Kept))
    return koa.callback()
  }
  const door = app((ctx, kept) => {
    kept.user = userAt(numberOf(ctx.url))
    ctx.body = kept.user.id
  })
  return served(
    app((ctx, kept) => sayWhoInKoa(ctx, kept.user?.id)),
    await signInEverybody(door),
  )
}
