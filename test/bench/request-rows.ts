import type { Bar } from './group.ts'
import type { Proof } from './proof.ts'
import type { Reference } from './row.ts'

/** A server under load, as a row of the table. */
export interface RequestRow {
  readonly name: string
  /** Which server, of `servers/kinds.ts`. */
  readonly kind: string
  /** `HTTP`: the auth service is asked, which has the Redis. */
  readonly store: 'Redis' | 'HTTP' | 'embedded'
  readonly role: Bar['role']
  readonly proof: Proof
  readonly of: readonly Reference[]
}

const NODE = 'bare node:http'
const KOA = 'bare Koa'
const NODE_GET = 'node:http + one Redis GET'
const KOA_GET = 'Koa + one Redis GET'
const NODE_GETDEL = 'node:http + one GETDEL'
const KOA_SESSION = 'koa-session, Redis'

const WARM = 'Koa + agent, Redis'
const COLD = 'Koa + agent, nothing in memory, Redis'
const REDEEM = 'redeem at the pixel, Redis'

const JWT = 'JWT HS256 by jose, Koa'

const to = (...rows: string[]): Reference[] => rows.map(row => ({ row }))

type Rest = Omit<RequestRow, 'name' | 'kind' | 'role'>

const reference = (name: string, kind: string, rest: Rest): RequestRow => {
  return { name, kind, role: 'reference', ...rest }
}

const ours = (
  name: string,
  kind: string,
  store: RequestRow['store'],
  of: readonly Reference[],
): RequestRow => {
  return { name, kind, store, role: 'ours', proof: kind.startsWith('redeem') ? 'ticket' : 'cookie', of }
}

const peer = (
  name: string,
  kind: string,
  store: RequestRow['store'],
  of: readonly Reference[],
): RequestRow => {
  return { name, kind, store, role: 'peer', proof: 'cookie', of }
}

/** All servers under load, in the order of their turns. */
export const REQUEST_ROWS: readonly RequestRow[] = [
  reference(NODE, 'bare-node', { store: 'embedded', proof: 'nothing', of: [] }),
  reference(KOA, 'bare-koa', { store: 'embedded', proof: 'nothing', of: to(NODE) }),
  reference(NODE_GET, 'get-node', { store: 'Redis', proof: 'cookie', of: to(NODE) }),
  reference(KOA_GET, 'get-koa', { store: 'Redis', proof: 'cookie', of: to(KOA) }),
  ours('Koa + agent, embedded store', 'agent-koa', 'embedded', to(KOA)),
  ours(WARM, 'agent-koa', 'Redis', [
    { row: KOA, atLeast: 0.9 },
    { row: KOA_SESSION, atLeast: 3 },
    { row: JWT, atLeast: 2 },
  ]),
  ours('Koa + agent, HTTP', 'agent-koa', 'HTTP', to(KOA, WARM)),
  ours('Koa + agent + required(), Redis', 'agent-koa-closed', 'Redis', to(KOA)),
  ours(COLD, 'agent-koa-uncached', 'Redis', [{ row: KOA_GET, atLeast: 0.85 }]),
  ours('Koa + agent, nothing in memory, HTTP', 'agent-koa-uncached', 'HTTP', to(KOA, COLD)),
  ours('node:http + agent, Redis', 'agent-node', 'Redis', to(NODE, NODE_GET)),
  peer(KOA_SESSION, 'koa-session', 'Redis', to(KOA, KOA_GET)),
  peer('express-session + connect-redis', 'express-session', 'Redis', to(NODE, NODE_GET)),
  peer('@fastify/session + connect-redis', 'fastify-session', 'Redis', to(NODE, NODE_GET)),
  peer(JWT, 'jwt-hs256', 'embedded', to(KOA)),
  peer('JWT ES256 by jose, Koa', 'jwt-es256', 'embedded', to(KOA)),
  peer('iron-session, node:http', 'iron-session', 'embedded', to(NODE)),
  peer('better-auth, SQLite, node:http', 'better-auth', 'embedded', to(NODE)),
  peer('better-auth, its cookie cache, node:http', 'better-auth-cached', 'embedded', to(NODE)),
  reference(NODE_GETDEL, 'getdel-node', { store: 'Redis', proof: 'ticket', of: to(NODE) }),
  ours('redeem at the pixel, embedded store', 'redeem-koa', 'embedded', to(KOA)),
  ours(REDEEM, 'redeem-koa', 'Redis', to(KOA, NODE_GETDEL)),
  ours('redeem at the pixel, HTTP', 'redeem-koa', 'HTTP', to(KOA, REDEEM)),
  ours('redeem at the pixel, node:http, Redis', 'redeem-node', 'Redis', [{ row: NODE_GETDEL, atLeast: 0.8 }]),
]
