import { Readable } from 'node:stream'
import { createApp } from '@carnet/examples/hono/app'
import { carnet } from '@carnet/site-agent/hono'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { getSignedCookie, setCookie, setSignedCookie } from 'hono/cookie'
import { BIG, digest, type Serve } from './workshop.ts'

const SECRET = 'a secret of this test'

/** Hono on Node, with a parser that came first and a session of its own in `c.var.session`. */
export const hono: Serve = (agent, streams) => {
  const app = new Hono<{ Variables: { session: { count: number } } }>()
  app.use(async (c, next) => {
    setCookie(c, 'early', '1')
    if (c.req.header('x-parser') === 'first') {
      await (c.req.header('content-type') === 'application/json' ? c.req.json() : c.req.parseBody())
    }
    await next()
  })
  app.route('/', createApp(agent))
  app.get('/stream', () => new Response(Readable.toWeb(Readable.from(streams.body())) as ReadableStream))
  app.post('/upload', async c => c.text(await digest(c.req.raw.body as unknown as AsyncIterable<Uint8Array>)))
  app.get('/download', c => c.body(BIG as Uint8Array<ArrayBuffer>))
  app.post('/json', async c => c.json(await c.req.json()))
  app.get('/counter', async (c, next) => {
    c.set('session', { count: Number((await getSignedCookie(c, SECRET, 'visits')) || 0) })
    await next()
    await setSignedCookie(c, 'visits', String(c.var.session.count), SECRET)
  })
  app.get('/counter', c => {
    c.var.session.count += 1
    setCookie(c, 'a', '1')
    setCookie(c, 'b', '2')
    return c.text(`${c.var.session.count} by ${c.var.carnet.session?.user.name ?? 'nobody'}`)
  })
  app.get('/boom', () => {
    throw new Error('boom')
  })
  const deep = new Hono()
  deep.get('/members', carnet.required(), c => c.text('Deep'))
  app.route('/deep', deep)
  app.notFound(c => c.text('No such page.', 404))
  app.onError((_error, c) => c.text('It broke.', 500))
  return getRequestListener(app.fetch)
}
