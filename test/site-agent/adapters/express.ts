import { Readable } from 'node:stream'
import { createApp } from '@carnet/examples/express/app'
import { carnet } from '@carnet/site-agent/express'
import express, { type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'
import { BIG, digest, type Serve } from './workshop.ts'

/** Express, with body parsers and `express-session`; the example is mounted in another app. */
export const expressStack: Serve = (agent, streams) => {
  const app = express()
  const parse = express.json()
  const parseForm = express.urlencoded()
  app.use((req, res, next) => {
    res.cookie('early', '1')
    if (req.get('x-parser') === undefined) return next()
    if (req.get('x-parser') === 'json') return parse(req, res, next)
    parse(req, res, (error?: unknown) => (error === undefined ? parseForm(req, res, next) : next(error)))
  })
  // Where an agent is mounted below a path, the target is still as the browser sent it.
  const deep = express.Router()
  deep.get('/members', carnet(agent), carnet.required(), (_req, res) => void res.send('Deep'))
  app.use('/deep', deep)
  app.use(createApp(agent))
  app.get('/stream', (_req, res) => void Readable.from(streams.body()).pipe(res))
  app.post('/upload', async (req, res) => void res.send(await digest(req)))
  app.get('/download', (_req, res) => void res.send(BIG))
  app.post('/json', parse, (req, res) => void res.json(req.body))
  const visits = session({ name: 'visits', secret: 'of this test', resave: false, saveUninitialized: true })
  app.get('/counter', visits, (req, res) => {
    const kept = req.session as { count?: number }
    kept.count = (kept.count ?? 0) + 1
    res.cookie('a', '1').cookie('b', '2')
    res.send(`${kept.count} by ${req.carnet.session?.user.name ?? 'nobody'}`)
  })
  app.get('/boom', () => {
    throw new Error('boom')
  })
  app.use((_req, res) => void res.status(404).send('No such page.'))
  app.use((_error: Error, _req: Request, res: Response, _next: NextFunction) => {
    res.status(500).send('It broke.')
  })
  return app
}
