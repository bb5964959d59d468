import type { Maker } from './served.ts'

/** The servers that can be put under load. Each is read only where it runs: no process carries another's code. */
export const KINDS: Readonly<Record<string, () => Promise<Maker>>> = {
  'bare-node': async () => (await import('./bare.ts')).bareNode,
  'bare-koa': async () => (await import('./bare.ts')).bareKoa,
  'get-node': async () => (await import('./one-get.ts')).nodeGet,
  'get-koa': async () => (await import('./one-get.ts')).koaGet,
  'getdel-node': async () => (await import('./one-getdel.ts')).nodeGetdel,
  'agent-koa': async () => (await import('./agent.ts')).agentInKoa,
  'agent-koa-closed': async () => (await import('./agent.ts')).agentInClosedKoa,
  'agent-koa-uncached': async () => (await import('./agent.ts')).agentUncached,
  'agent-node': async () => (await import('./agent.ts')).agentInNode,
  'redeem-koa': async () => (await import('./redeem.ts')).redeemInKoa,
  'redeem-node': async () => (await import('./redeem.ts')).redeemInNode,
  'koa-session': async () => (await import('./koa-session.ts')).koaSession,
  'express-session': async () => (await import('./express-session.ts')).expressSession,
  'fastify-session': async () => (await import('./fastify-session.ts')).fastifySessions,
  'jwt-hs256': async () => (await import('./jwt.ts')).jwtHs256,
  'jwt-es256': async () => (await import('./jwt.ts')).jwtEs256,
  'iron-session': async () => (await import('./iron-session.ts')).ironSession,
  'better-auth': async () => (await import('./better-auth.ts')).betterAuthPlain,
  'better-auth-cached': async () => (await import('./better-auth.ts')).betterAuthCached,
}
