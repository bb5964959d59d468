import { newSid } from '@carnet/protocol'
import Koa from 'koa'
import { sayWho } from './say-who.ts'
import { type Maker, SESSIONS, type SignedIn, served, userAt } from './served.ts'

const { id } = userAt(0)

/** A cookie comes along, as everywhere, and nobody reads it. */
function requests(): SignedIn[] {
  return Array.from({ length: SESSIONS }, () => ({ path: '/', cookie: `session=${newSid()}`, userId: id }))
}

export const bareNode: Maker = async () => served((_req, res) => sayWho(res, id), requests())

export const bareKoa: Maker = async () => {
  const app = new Koa()
  app.use(ctx => {
    ctx.body = id
  })
  return served(app.callback(), requests())
}
