import { Readable } from 'node:stream'
import { createApp } from '@carnet/examples/fastify/app'
import { carnet } from '@carnet/site-agent/fastify'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { BIG, digest, type Serve } from './workshop.ts'

/** Fastify, with its own parsers, `@fastify/cookie` and `@fastify/session`. */
export const fastify: Serve = async (agent, streams) => {
  const app = await createApp(agent)
  app.setErrorHandler((_error, _request, reply) => reply.code(500).send('It broke.'))
  app.get('/stream', async () => Readable.from(streams.body()))
  await app.register(async raw => {
    raw.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
    raw.post('/upload', { bodyLimit: 2 ** 23 }, async ({ body }) => digest(body as Readable))
  })
  app.get('/download', async () => BIG)
  app.post('/json', async ({ body }) => body)
  await app.register(async visits => {
    await visits.register(cookie)
    const secret = 'a secret of this test, long enough for them'
    await visits.register(session, { cookieName: 'visits', secret, cookie: { secure: false } })
    visits.get('/counter', async (request, reply) => {
      const kept = request.session as { count?: number }
      kept.count = (kept.count ?? 0) + 1
      reply.setCookie('early', '1').setCookie('a', '1').header('Set-Cookie', 'b=2')
      return `${kept.count} by ${request.carnet.session?.user.name ?? 'nobody'}`
    })
  })
  app.get('/boom', async () => {
    throw new Error('boom')
  })
  await app.register(
    async deep => {
      deep.get('/members', { preHandler: carnet.required() }, async () => 'Deep')
    },
    { prefix: '/deep' },
  )
  app.setNotFoundHandler((_request, reply) => reply.code(404).send('No such page.'))
  await app.ready()
  return app.routing
}
