import type { NextFunction, Request, Response } from 'express'
import type { Agent } from './agent.ts'
import { NodeRequest } from './exchange.ts'
import { checkRequired, type Required } from './required.ts'
import { send } from './send.ts'
import type { Outcome, Visit } from './visit.ts'

declare global {
  namespace Express {
    interface Request {
      /** Who visits: `req.carnet.session`, or null there. `req.session` is left to session middleware. */
      carnet: Visit
    }
  }
}

/** Middleware that fits routes of any parameters. */
export type ExpressHandler = <P>(req: Request<P>, res: Response, next: NextFunction) => void | Promise<void>

/** The Express adapter. */
export interface ExpressCarnet {
  /** Answers the agent's routes below `/api`, and sets `req.carnet` for all others. */
  (agent: Agent): ExpressHandler
  /**
   * Lets pass who is signed in: others bounce, or get 401 where no page was asked for. Mount it after `carnet(agent)`.
   * Throws a `TypeError` for a `maxAge` that is no time.
   */
  required(what?: Required): ExpressHandler
}

function mount(agent: Agent): ExpressHandler {
  return function carnet(req, res, next) {
    // Routers cut `req.url`; a body parser that came first has taken the body.
    const outcome = agent.handle(new NodeRequest(req, req.originalUrl, () => req.body as unknown))
    if (outcome instanceof Promise) return outcome.then(outcome => goOn(req, res, next, outcome))
    return goOn(req, res, next, outcome)
  }
}

function goOn<P>(req: Request<P>, res: Response, next: NextFunction, outcome: Outcome): void {
  if (outcome.answer !== null) {
    send(res, outcome.answer)
    return
  }
  req.carnet = outcome.visit
  for (const cookie of outcome.visit.cookies) res.appendHeader('Set-Cookie', cookie)
  next()
}

function required(what: Required = {}): ExpressHandler {
  const asked = checkRequired(what)
  return function carnetRequired(req, res, next) {
    const visit = req.carnet as Visit | undefined
    if (visit === undefined) throw new TypeError('Mount carnet(agent) before carnet.required().')
    const answer = visit.require(asked)
    if (answer === null) next()
    else send(res, answer)
  }
}

/** Mounts an agent: `app.use(carnet(agent))`, then `app.get('/members', carnet.required(), …)`. */
export const carnet: ExpressCarnet = Object.assign(mount, { required })
