import type { Context, MiddlewareHandler } from 'hono'
import type { Agent } from './agent.ts'
import { type Fields, fieldsOfWeb, parseFields } from './fields.ts'
import { checkRequired, type Required } from './required.ts'
import type { Visit } from './visit.ts'
import { toResponse, WebRequest } from './web-exchange.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Who visits: `c.var.carnet.session`, or null there. `session` is left to session middleware. */
    carnet: Visit
  }
}

/** What a runtime has to tell. */
export interface HonoOptions {
  /**
   * The address of the socket's other end: `c => getConnInfo(c).remote.address`, with `getConnInfo` from `hono/bun`,
   * `hono/deno` and their like. Default: as `@hono/node-server` has it. Where it is undefined, no forwarding header is
   * believed, and tickets are taken only under `ticket.binding: log` or `off`.
   */
  peer?: (c: Context) => string | undefined
}

/** The Hono adapter. */
export interface HonoCarnet {
  /** Answers the agent's routes below `/api`, and sets `c.var.carnet` for all others. */
  (agent: Agent, options?: HonoOptions): MiddlewareHandler
  /**
   * Lets pass who is signed in: others bounce, or get 401 where no page was asked for. Mount it after `carnet(agent)`.
   * Throws a `TypeError` for a `maxAge` that is no time.
   */
  required(what?: Required): MiddlewareHandler
}

function mount(agent: Agent, { peer = nodePeer }: HonoOptions = {}): MiddlewareHandler {
  return async function carnet(c, next) {
    const request = new WebRequest(c.req.raw, peer(c) ?? '', () => fieldsOf(c))
    const outcome = await agent.handle(request)
    if (outcome.answer !== null) return toResponse(outcome.answer, c.req.method)
    c.set('carnet', outcome.visit)
    await next()
    // Last, so that no response of the app takes their place. What switches protocols is the runtime's own.
    const cookies = c.res.status < 200 ? [] : outcome.visit.cookies
    for (const cookie of cookies) c.header('Set-Cookie', cookie, { append: true })
    return undefined
  }
}

function nodePeer(c: Context): string | undefined {
  return (c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket
    ?.remoteAddress
}

/** A body that was read before the agent came is in Hono's keeping. */
async function fieldsOf({ req }: Context): Promise<Fields> {
  if (!req.raw.bodyUsed) return fieldsOfWeb(req.raw)
  const isJson = /^application\/json\b/i.test(req.header('content-type') ?? '')
  return parseFields('application/json', JSON.stringify(await (isJson ? req.json() : req.parseBody())))
}

function required(what: Required = {}): MiddlewareHandler {
  const asked = checkRequired(what)
  return async function carnetRequired(c, next) {
    const visit = c.get('carnet') as Visit | undefined
    if (visit === undefined) throw new TypeError('Mount carnet(agent) before carnet.required().')
    const answer = visit.require(asked)
    return answer === null ? next() : toResponse(answer, c.req.method)
  }
}

/** Mounts an agent: `app.use(carnet(agent))`, then `app.get('/members', carnet.required(), …)`. */
export const carnet: HonoCarnet = Object.assign(mount, { required })
