import type { Context, Middleware, Next } from 'koa'
import type { Agent } from './agent.ts'
import { type Answer, NodeRequest } from './exchange.ts'
import { checkRequired, type Required } from './required.ts'
import type { Session } from './session.ts'
import type { Outcome, Visit } from './visit.ts'

/** What the middleware adds to `ctx.state`: `new Koa<CarnetState>()`. */
export interface CarnetState {
  /** Who visits, or null. */
  session: Session | null
}

/** The Koa adapter. */
export interface KoaCarnet {
  /** Answers the agent's routes below `/api`, and sets `ctx.state.session` for all others. */
  (agent: Agent): Middleware<CarnetState>
  /**
   * Lets pass who is signed in: others bounce, or get 401 where no page was asked for. Mount it after `carnet(agent)`.
   * Throws a `TypeError` for a `maxAge` that is no time.
   */
  required(what?: Required): Middleware<CarnetState>
}

const VISIT = Symbol('carnet visit')

function mount(agent: Agent): Middleware<CarnetState> {
  return function carnet(ctx, next) {
    const outcome = agent.handle(
      new NodeRequest(ctx.req, ctx.originalUrl, () => (ctx.request as { body?: unknown }).body),
    )
    // What is known at once is told at once: a turn of waiting costs as much as all the rest.
    if (outcome instanceof Promise) return outcome.then(outcome => goOn(ctx, next, outcome))
    return goOn(ctx, next, outcome)
  }
}

function goOn(ctx: Parameters<Middleware<CarnetState>>[0], next: Next, outcome: Outcome): Promise<void> {
  if (outcome.answer !== null) return Promise.resolve(send(ctx, outcome.answer))
  const { visit } = outcome
  ctx.state.session = visit.session
  ;(ctx.state as { [VISIT]?: Visit })[VISIT] = visit
  for (const cookie of visit.cookies) ctx.append('Set-Cookie', cookie)
  return next()
}

function required(what: Required = {}): Middleware<CarnetState> {
  const asked = checkRequired(what)
  return function carnetRequired(ctx, next) {
    const visit = (ctx.state as { [VISIT]?: Visit })[VISIT]
    if (visit === undefined) throw new TypeError('Mount carnet(agent) before carnet.required().')
    const answer = visit.require(asked)
    return answer === null ? next() : Promise.resolve(send(ctx, answer))
  }
}

function send(ctx: Pick<Context, 'status' | 'set' | 'append' | 'body'>, answer: Answer): void {
  ctx.status = answer.status
  ctx.body = typeof answer.body === 'string' ? answer.body : Buffer.from(answer.body)
  for (const [name, value] of Object.entries(answer.headers)) ctx.set(name, value)
  for (const cookie of answer.cookies) ctx.append('Set-Cookie', cookie)
}

/** Mounts an agent: `app.use(carnet(agent))`, then `app.use(carnet.required())`. */
export const carnet: KoaCarnet = Object.assign(mount, { required })
