import type { Agent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/fastify'
import Fastify, { type FastifyInstance } from 'fastify'

/** A page for everybody, one for who is signed in, one for editors. */
export async function createApp(agent: Agent): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(carnet, { agent })
  app.get('/', async request => `Hello ${request.carnet.session?.user.name ?? 'stranger'}`)
  app.get(
    '/members',
    { onRequest: carnet.required() },
    async request => `Members: ${request.carnet.session?.user.name}`,
  )
  // All routes of a scope at once.
  await app.register(async editors => {
    editors.addHook('onRequest', carnet.required({ role: 'editor' }))
    editors.get('/editors', async () => 'Editors')
  })
  return app
}
