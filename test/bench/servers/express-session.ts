import { RedisStore } from 'connect-redis'
import express, { type Request, type Response } from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { numberOf, signInEverybody } from './door.ts'
import { sayWho } from './say-who.ts'
import { type Maker, served, userAt } from './served.ts'

declare module 'express-session' {
  interface SessionData {
    user?: { id: string }
  }
}

/** express-session over connect-redis, with the options of their readmes: each request also slides the key's life. */
export const expressSession: Maker = async redisUrl => {
  const client = createClient({ url: redisUrl })
  await client.connect()
  const sessions = session({
    store: new RedisStore({ client }),
    secret: 'a secret of the bench',
    resave: false,
    saveUninitialized: false,
  })
  const app = (path: string, then: (req: Request, res: Response) => void) =>
    express()
      .use(sessions)
      .get(path, (req, res) => then(req, res))
  const door = app('/:number', (req, res) => {
    req.session.user = userAt(numberOf(req.url))
    res.send(req.session.user.id)
  })
  const listener = app('/', (req, res) => sayWho(res, req.session.user?.id))
  return served(listener, await signInEverybody(door))
}
