import { CarnetError } from '@carnet/protocol'
import type { Agent } from './agent.ts'
import { jsonRefusal } from './exchange.ts'
import type { Required } from './required.ts'
import type { Session } from './session.ts'
import { toResponse, WebRequest, withCookies } from './web-exchange.ts'

/** What a web-standard server has to tell. `Info` is what its handlers are given beside the request. */
export interface FetchOptions<Info extends unknown[]> {
  /**
   * The address of the socket's other end, which a `Request` does not tell.
   * Bun: `(request, server: Bun.Server<undefined>) => server.requestIP(request)?.address`.
   * Deno: `(_request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => info.remoteAddr.hostname`.
   * Where a proxy is the only way in, as with Next.js: `() => '127.0.0.1'`, and `trustProxy: '127.0.0.1'` at the agent.
   * While it is undefined, tickets are taken only under `ticket.binding: log` or `off`.
   */
  peer: (request: Request, ...info: Info) => string | undefined
}

/** One request that the gate has looked at. */
export interface FetchVisit {
  /** The agent's answer: send it as it is. Null: the request is the app's. */
  readonly response: Response | null
  /** Who visits, or null. */
  readonly session: Session | null
  /** The response to who may not pass, or null to who may. Throws a `TypeError` for a `maxAge` that is no time. */
  required(what?: Required): Response | null
  /** The app's response, with the visit's cookies. A body is streamed on, and WebSocket upgrades are left alone. */
  pass<R extends Response | undefined>(response: R): R | Response
}

/** A web-standard handler. */
export type FetchHandler<Info extends unknown[], R = Response> = (
  request: Request,
  ...info: Info
) => Promise<R>

/** The agent in front of a web-standard app. */
export interface FetchGate<Info extends unknown[]> {
  /**
   * Looks at a request, for those who answer by hand: `visit.response ?? visit.pass(yours)`; in the `proxy.ts` of Next.js
   * `visit.response ?? visit.pass(visit.required() ?? NextResponse.next())`.
   */
  (request: Request, ...info: Info): Promise<FetchVisit>
  /** The app's handler behind the gate, for `Bun.serve`, `Deno.serve` and their like. */
  handler<R extends Response | undefined>(
    app: (request: Request, visit: FetchVisit, ...info: Info) => R | Promise<R>,
  ): FetchHandler<Info, R | Response>
  /** Next.js, `app/api/[...carnet]/route.ts`: `export const { GET, POST } = gate.routes`. */
  readonly routes: Readonly<Record<'GET' | 'POST', FetchHandler<Info>>>
  /** Who visits by a page's headers alone, as server components have them. Swaps no claim and begins no bounce. */
  session(headers: Headers): Promise<Session | null>
}

/**
 * Puts an agent in front of a web-standard app. A function that makes the agent is called at the first request, for
 * builds that load the app's files without its secrets.
 */
export function carnet<Info extends unknown[]>(
  agent: Agent | (() => Promise<Agent>),
  { peer }: FetchOptions<Info>,
): FetchGate<Info> {
  if (typeof peer !== 'function') throw new TypeError('`peer` is missing: say where a request comes from.')
  let made: Promise<Agent> | null = null
  const make = (how: () => Promise<Agent>): Promise<Agent> => {
    made ??= how().catch(error => {
      made = null
      throw error
    })
    return made
  }
  const ready = () => (typeof agent === 'function' ? make(agent) : agent)

  async function gate(request: Request, ...info: Info): Promise<FetchVisit> {
    const outcome = await (await ready()).handle(new WebRequest(request, peer(request, ...info) ?? ''))
    const respond = (answer: Parameters<typeof toResponse>[0]) => toResponse(answer, request.method)
    if (outcome.answer !== null) {
      const response = respond(outcome.answer)
      return { response, session: null, required: () => response, pass: given => given }
    }
    const { visit } = outcome
    return {
      response: null,
      session: visit.session,
      required: what => {
        const answer = visit.require(what)
        return answer === null ? null : respond(answer)
      },
      pass: given => withCookies(given, visit.cookies),
    }
  }

  const route: FetchHandler<Info> = async (request, ...info) => {
    const { response } = await gate(request, ...info)
    return (
      response ?? toResponse(jsonRefusal(new CarnetError('not_found', 'Nothing is here.')), request.method)
    )
  }
  return Object.assign(gate, {
    handler:
      <R extends Response | undefined>(
        app: (request: Request, visit: FetchVisit, ...info: Info) => R | Promise<R>,
      ): FetchHandler<Info, R | Response> =>
      async (request, ...info) => {
        const visit = await gate(request, ...info)
        return visit.response ?? visit.pass(await app(request, visit, ...info))
      },
    routes: { GET: route, POST: route },
    session: async (headers: Headers) => {
      // A claim is swapped and a browser sent away on GET only.
      const request = { method: 'HEAD', target: '/', headers: Object.fromEntries(headers), peer: '' }
      const outcome = await (await ready()).handle(request)
      return outcome.answer === null ? outcome.visit.session : null
    },
  })
}
