import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Agent } from './agent.ts'
import { NodeRequest } from './exchange.ts'
import type { Required } from './required.ts'
import { send } from './send.ts'
import type { Session } from './session.ts'
import type { Visit } from './visit.ts'

/** The agent in front of a `node:http` listener. */
export interface NodeGate {
  /** True where the agent has answered: then leave the response alone. */
  (req: IncomingMessage, res: ServerResponse): Promise<boolean>
  /** Who visits, or null. Call it after the gate. */
  session(req: IncomingMessage): Session | null
  /**
   * The session of who may pass; null where the visitor may not, and has been answered. Call it after the gate. Throws a
   * `TypeError` for a `maxAge` that is no time.
   */
  required(req: IncomingMessage, res: ServerResponse, what?: Required): Session | null
}

/** Puts an agent in front of a `node:http` listener. */
export function carnet(agent: Agent): NodeGate {
  const visits = new WeakMap<IncomingMessage, Visit>()
  const visitOf = (req: IncomingMessage): Visit => {
    const visit = visits.get(req)
    if (visit === undefined) throw new TypeError('Ask the gate first: `if (await gate(req, res)) return`.')
    return visit
  }

  async function gate(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    const outcome = await agent.handle(new NodeRequest(req, req.url ?? '/'))
    if (outcome.answer !== null) {
      send(res, outcome.answer)
      return true
    }
    visits.set(req, outcome.visit)
    for (const cookie of outcome.visit.cookies) res.appendHeader('Set-Cookie', cookie)
    return false
  }

  return Object.assign(gate, {
    session: (req: IncomingMessage) => visitOf(req).session,
    required: (req: IncomingMessage, res: ServerResponse, what?: Required) => {
      const visit = visitOf(req)
      const answer = visit.require(what)
      if (answer === null) return visit.session
      send(res, answer)
      return null
    },
  })
}
