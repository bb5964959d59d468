import type { RequestListener } from 'node:http'
import { type AgentStore, HttpStore, Signer, type Store, signSid, startSession } from '@carnet/protocol'
import { type Agent, type AgentOptions, createAgent } from '@carnet/site-agent'
import { type CarnetState, carnet } from '@carnet/site-agent/koa'
import { carnet as gateOf } from '@carnet/site-agent/node'
import Koa from 'koa'
import { openKeptStore } from '../../support/kept-store.ts'
import { until } from '../../support/until.ts'
import { inBatches } from '../in-batches.ts'
import { manifestAt, SECRET } from './bench-site.ts'
import { sayWho } from './say-who.ts'
import { everybody, type Maker, type SignedIn, served } from './served.ts'

const READ_AT_ONCE = 32

/** How an agent is put in front of the answer. */
export type Mount = (agent: Agent) => RequestListener

/** An agent, the store that it asks, and the one beneath it. */
export interface Opened {
  readonly agent: Agent
  readonly asked: AgentStore
  readonly store: Store
}

/** Opens an agent on a Redis, or one that asks the auth service at `storeUrl` over HTTP, which is on that Redis. */
export async function openAgent(
  redisUrl: string,
  storeUrl?: string,
  options: Partial<AgentOptions> = {},
): Promise<Opened> {
  const store = await openKeptStore(redisUrl)
  const asked = storeUrl === undefined ? store : await openHttpStore(storeUrl)
  const manifest = manifestAt(storeUrl ?? 'http://auth.localhost')
  const agent = await createAgent({ site: 'shop', manifest, secrets: SECRET, store: asked, ...options })
  return { agent, asked, store }
}

/** The store over HTTP, once it is believed. */
export async function openHttpStore(url: string): Promise<HttpStore> {
  const store = new HttpStore(url, { site: 'shop', secrets: [SECRET] })
  const watch = store.watch({ forget: () => {}, forgetAll: () => {} })
  await until(() => watch.isCurrent(0) && watch.isCurrent(15))
  await watch.stop()
  return store
}

/** Everybody's session, as the cookie of it and as its sid. */
export async function startSessions(store: Store): Promise<(SignedIn & { readonly sid: string })[]> {
  const signer = new Signer([SECRET], 'shop')
  const life = { idle: 3_600_000, absolute: 7_200_000 }
  return inBatches(everybody(), 100, async user => {
    const { sid, session } = await startSession(store, user, life)
    await store.admit(sid, 'shop', session.expiresAt)
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
  return async (redisUrl, storeUrl) => {
    const { agent, store } = await openAgent(redisUrl, storeUrl, options)
    const sessions = await startSessions(store)
    if (storeUrl !== undefined) {
      // It is a site without Redis. And a turn's warm-up would be too short to read everybody once.
      await store.close()
      await inBatches(sessions, READ_AT_ONCE, async ({ cookie }) =>
        agent.handle({ method: 'GET', target: '/', headers: { cookie }, peer: '127.0.0.1' }),
      )
    }
    return served(mount(agent), sessions)
  }
}

export const agentInKoa: Maker = signedIn(inKoa)
export const agentInClosedKoa: Maker = signedIn(inClosedKoa)
export const agentUncached: Maker = signedIn(inKoa, { cache: 0 })
export const agentInNode: Maker = signedIn(inNode)
