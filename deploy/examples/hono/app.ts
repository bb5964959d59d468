import type { Agent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/hono'
import { Hono } from 'hono'

/** A page for everybody, one for who is signed in, one for editors. */
export function createApp(agent: Agent): Hono {
  const app = new Hono()
  app.use(carnet(agent))
  app.get('/', c => c.text(`Hello ${c.var.carnet.session?.user.name ?? 'stranger'}`))
  app.get('/members', carnet.required(), c => c.text(`Members: ${c.var.carnet.session?.user.name}`))
  app.get('/editors', carnet.required({ role: 'editor' }), c => c.text('Editors'))
  return app
}
