import type { RequestListener } from 'node:http'
import { parseManifest, Signer, type Store, signSid, startSession } from '@carnet/protocol'
import { type Agent, type AgentOptions, createAgent } from '@carnet/site-agent'
import { type CarnetState, carnet } from '@carnet/site-agent/koa'
import { carnet as gateOf } from '@carnet/site-agent/node'
import Koa from 'koa'
import { openKeptStore } from '../../support/kept-store.ts'
import { inBatches } from '../in-batches.ts'
import { sayWho } from './say-who.ts'
import { everybody, type Maker, type SignedIn, served } from './served.ts'

/** The site's secret. */
export const SECRET = 'a-secret-for-the-bench-of-32-bytes-or-more'
const SITE = '{ id: shop, origin: "http://shop.localhost", fanOut: push }'
const manifest = parseManifest(
  `auth: http://auth.localhost\nticket: { ttl: 60s }\nsites: [${SITE}]\n`,
  'bench',
)

/** How an agent is put in front of the answer. */
export type Mount = (agent: Agent) => RequestListener

/** An agent, and the store that it asks. */
export async function openAgent(
  redisUrl: string,
  options: Partial<AgentOptions> = {},
): Promise<{ agent: Agent; store: Store }> {
  const store = await openKeptStore(redisUrl)
  return { store, agent: await createAgent({ site: 'shop', manifest, secrets: SECRET, store, ...options }) }
}

/** Everybody's session, as the cookie of it and as its sid. */
export async function startSessions(store: Store): Promise<(SignedIn & { readonly sid: string })[]> {
  const signer = new Signer([SECRET], 'shop')
  const life = { idle: 3_600_000, absolute: 7_200_000 }
  return inBatches(everybody(), 100, async user => {
    const { sid } = await startSession(store, user, life)
    return { sid, path: '/', cookie: `carnet=${signSid(signer, sid)}`, userId: user.id }
  })
}

/** The agent alone in Koa; the app asks who visits. */
export const inKoa: Mount = agent => {
  const app = new Koa<CarnetState>()
  app.use(carnet(agent))
  app.use(ctx => {
    if (ctx.state.session === null) ctx.status = 401
    else ctx.body = ctx.state.session.user.id
  })
  return app.callback()
}

/** The agent in Koa with all pages closed to who is not signed in. */
export const inClosedKoa: Mount = agent => {
  const app = new Koa<CarnetState>()
  app.use(carnet(agent))
  app.use(carnet.required())
  app.use(ctx => {
    ctx.body = ctx.state.session?.user.id
  })
  return app.callback()
}

/** The agent as people put it in front of a listener. */
export const inNode: Mount = agent => {
  const gate = gateOf(agent)
  return async (req, res) => {
    if (await gate(req, res)) return
    const session = gate.required(req, res)
    if (session !== null) sayWho(res, session.user.id)
  }
}

/** A site where everybody is signed in. */
function signedIn(mount: Mount, options: Partial<AgentOptions> = {}): Maker {
  return async redisUrl => {
    const { agent, store } = await openAgent(redisUrl, options)
    return served(mount(agent), await startSessions(store))
  }
}

export const agentInKoa: Maker = signedIn(inKoa)
export const agentInClosedKoa: Maker = signedIn(inClosedKoa)
export const agentUncached: Maker = signedIn(inKoa, { cache: 0 })
export const agentInNode: Maker = signedIn(inNode)
