import { fastifyCookie } from '@fastify/cookie'
import { fastifySession } from '@fastify/session'
import { RedisStore } from 'connect-redis'
import { fastify } from 'fastify'
import { createClient } from 'redis'
import { numberOf, signInEverybody } from './door.ts'
import { type Maker, served, userAt } from './served.ts'

declare module 'fastify' {
  interface Session {
    user?: { id: string }
  }
}

/** @fastify/session over connect-redis. Not rolling, which would write each session back with every answer. */
export const fastifySessions: Maker = async redisUrl => {
  const client = createClient({ url: redisUrl })
  await client.connect()
  const app = async () => {
    const made = fastify()
    await made.register(fastifyCookie)
    await made.register(fastifySession, {
      secret: 'a secret of the bench, 32 bytes or more',
      store: new RedisStore({ client }),
      cookie: { secure: false },
      saveUninitialized: false,
      rolling: false,
    })
    return made
  }
  const door = await app()
  door.get('/:number', async request => {
    request.session.user = userAt(numberOf(request.url))
    return request.session.user.id
  })
  const site = await app()
  site.get('/', async (request, reply) => request.session.user?.id ?? reply.code(401).send())
  await Promise.all([door.ready(), site.ready()])
  return served(site.routing, await signInEverybody(door.routing))
}
