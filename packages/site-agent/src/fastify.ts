import type { FastifyPluginCallback, RawServerBase } from 'fastify'
import type { Agent } from './agent.ts'
import { type Answer, NodeRequest } from './exchange.ts'
import { checkRequired, type Required } from './required.ts'
import type { Outcome, Visit } from './visit.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who visits: `request.carnet.session`, or null there. `request.session` is left to session plugins. */
    carnet: Visit
  }
}

/** As much of a reply as the agent needs, of HTTP/1 and of HTTP/2. */
export interface Reply {
  code(status: number): unknown
  header(name: string, value: string): unknown
  send(body?: unknown): unknown
}

/** A hook that fits routes and scopes of any server, as `onRequest` or later. */
export type FastifyHook = (request: { carnet: Visit }, reply: Reply, done: () => void) => void

/** The Fastify adapter: a plugin for the whole app, wherever it is registered. */
export interface FastifyCarnet extends FastifyPluginCallback<{ agent: Agent }, RawServerBase> {
  /**
   * Lets pass who is signed in: others bounce, or get 401 where no page was asked for. A hook of a route,
   * `{ onRequest: carnet.required() }`, or of a scope, `scope.addHook('onRequest', carnet.required())`.
   * Throws a `TypeError` for a `maxAge` that is no time.
   */
  required(what?: Required): FastifyHook
}

const plugin: FastifyPluginCallback<{ agent: Agent }, RawServerBase> = function carnet(app, { agent }, done) {
  if (agent === undefined) return done(new TypeError('`agent` is missing: app.register(carnet, { agent }).'))
  app.decorateRequest('carnet')
  // Before any body is parsed: the agent reads its own.
  app.addHook('onRequest', (request, reply, next) => {
    const raw = request.raw as ConstructorParameters<typeof NodeRequest>[0]
    const outcome = agent.handle(new NodeRequest(raw, request.originalUrl, () => request.body))
    if (outcome instanceof Promise) void outcome.then(outcome => goOn(request, reply, next, outcome))
    else goOn(request, reply, next, outcome)
  })
  done()
}

function goOn(request: { carnet: Visit }, reply: Reply, next: () => void, outcome: Outcome): void {
  if (outcome.answer !== null) {
    send(reply, outcome.answer)
    return
  }
  request.carnet = outcome.visit
  for (const cookie of outcome.visit.cookies) reply.header('Set-Cookie', cookie)
  next()
}

function required(what: Required = {}): FastifyHook {
  const asked = checkRequired(what)
  return function carnetRequired(request, reply, done) {
    const visit = request.carnet as Visit | undefined
    if (visit === undefined) throw new TypeError('Register carnet before carnet.required().')
    const answer = visit.require(asked)
    if (answer === null) done()
    else send(reply, answer)
  }
}

function send(reply: Reply, answer: Answer): void {
  reply.code(answer.status)
  for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value)
  // Of this header alone Fastify keeps every value.
  for (const cookie of answer.cookies) reply.header('Set-Cookie', cookie)
  reply.send(answer.body.length === 0 ? undefined : answer.body)
}

/** Mounts an agent: `await app.register(carnet, { agent })`, before the routes. */
export const carnet: FastifyCarnet = Object.assign(plugin, {
  required,
  // What `fastify-plugin` does: hooks and decorators reach the scope that registers, not one of their own.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('plugin-meta')]: { name: '@carnet/site-agent', fastify: '5.x' },
})
