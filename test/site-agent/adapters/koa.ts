import { Readable } from 'node:stream'
import { createApp } from '@carnet/examples/koa/app'
import { carnet } from '@carnet/site-agent/koa'
import { bodyParser } from '@koa/bodyparser'
import Koa, { type Context, type Next } from 'koa'
import session from 'koa-session'
import { BIG, digest, type Serve } from './workshop.ts'

/** Koa, with a body parser and `koa-session`. */
export const koa: Serve = (agent, streams) => {
  const app = new Koa()
  app.on('error', () => {})
  app.use(async function errors(ctx, next) {
    try {
      await next()
    } catch {
      ctx.status = 500
      ctx.body = 'It broke.'
    }
  })
  const parse = bodyParser()
  app.use((ctx, next) => {
    ctx.append('Set-Cookie', 'early=1')
    return next()
  })
  const first: Record<string, Koa.Middleware> = { first: parse, json: bodyParser({ enableTypes: ['json'] }) }
  app.use((ctx, next) => first[ctx.get('x-parser')]?.(ctx, next) ?? next())
  for (const middleware of createApp(agent).middleware) app.use(middleware as Koa.Middleware)
  app.use(session({ key: 'visits', signed: false }, app))
  const pages: Record<string, (ctx: Context, next: Next) => unknown> = {
    '/stream': ctx => {
      ctx.body = Readable.from(streams.body())
    },
    '/upload': async ctx => {
      ctx.body = await digest(ctx.req)
    },
    '/download': ctx => {
      ctx.body = BIG
    },
    '/json': async ctx => {
      await parse(ctx as never, async () => {})
      ctx.body = (ctx.request as { body?: unknown }).body
    },
    '/counter': ctx => {
      const visits = ctx['session'] as unknown as { count?: number }
      visits.count = (visits.count ?? 0) + 1
      ctx.append('Set-Cookie', ['a=1', 'b=2'])
      ctx.body = `${visits.count} by ${ctx.state['session']?.user.name ?? 'nobody'}`
    },
    '/boom': () => {
      throw new Error('boom')
    },
    '/deep/members': ctx =>
      carnet.required()(ctx as never, async () => {
        ctx.body = 'Deep'
      }),
  }
  app.use((ctx, next) => pages[ctx.path]?.(ctx, next) ?? next())
  app.use(ctx => {
    if (ctx.body !== undefined || ctx.status !== 404) return
    ctx.status = 404
    ctx.body = 'No such page.'
  })
  return app.callback()
}
