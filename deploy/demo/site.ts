import type { Manifest } from '@carnet/protocol'
import type { Agent, AgentLog, Via } from '@carnet/site-agent'
import { type CarnetState, carnet } from '@carnet/site-agent/koa'
import Koa from 'koa'
import { LOOKS, type Look } from './looks.ts'
import { sitePage } from './site-page.ts'

/** A demo site: a public page, one for members, one for those with a confirmed address, and the agent in front. */
export function createSite(agent: Agent, id: string, manifest: Manifest, log: AgentLog): Koa<CarnetState> {
  const look = (LOOKS[id] ?? LOOKS['shop']) as Look
  const others = manifest.sites.filter(site => site.id !== id)
  const viaOf = new Map<string, Via>()
  agent.on('signin', ({ session, via }) => {
    viaOf.set(session.id, via)
    if (viaOf.size > 10_000) viaOf.delete(viaOf.keys().next().value ?? '')
  })

  const app = new Koa<CarnetState>()
  app.on('error', (error: Error) => log.warn({ reason: error.message }, 'site_error'))
  app.use(carnet(agent))
  const doors = {
    '/': { page: 'home', required: null },
    '/members': { page: 'members', required: carnet.required() },
    '/verified': { page: 'verified', required: carnet.required({ verified: true }) },
  } as const
  const isPath = (path: string): path is keyof typeof doors => Object.hasOwn(doors, path)

  app.use(async function pages(ctx, next) {
    if (!isPath(ctx.path)) return next()
    const { page, required } = doors[ctx.path]
    if (required !== null) {
      let passed = false
      await required(ctx, async () => {
        passed = true
      })
      if (!passed) return
    }
    const { session } = ctx.state
    const { body, policy } = sitePage({
      look,
      page,
      session,
      via: session === null ? null : (viaOf.get(session.id) ?? null),
      others,
    })
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
    })
    ctx.type = 'text/html; charset=utf-8'
    ctx.body = body
  })
  return app
}
