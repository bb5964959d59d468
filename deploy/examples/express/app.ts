import type { Agent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/express'
import express, { type Express } from 'express'

/** A page for everybody, one for who is signed in, one for editors. */
export function createApp(agent: Agent): Express {
  const app = express()
  app.use(carnet(agent))
  app.get('/', (req, res) => {
    res.type('text').send(`Hello ${req.carnet.session?.user.name ?? 'stranger'}`)
  })
  app.get('/members', carnet.required(), (req, res) => {
    res.type('text').send(`Members: ${req.carnet.session?.user.name}`)
  })
  app.get('/editors', carnet.required({ role: 'editor' }), (_req, res) => {
    res.type('text').send('Editors')
  })
  return app
}
