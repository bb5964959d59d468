import { createServer, type IncomingMessage, type Server } from 'node:http'
import {
  CarnetError,
  isLocalAddress,
  normalizeAddress,
  parseTrustProxy,
  type TrustProxy,
} from '@carnet/protocol'
import type { Agents, Hosted } from './agents.ts'
import {
  type AgentRequest,
  type Answer,
  answer,
  jsonRefusal,
  NodeRequest,
  pathOf,
  toRefusal,
} from './exchange.ts'
import { ENTER, enter, VERIFY, verify } from './forward-auth.ts'
import type { AgentLog } from './place.ts'
import { send } from './send.ts'

const HOUR_MS = 3_600_000

/** The server of a process of agents: what proxies ask, the agents' own addresses, and two for probes, at any host. */
export function agentServer(agents: Agents, trustProxy: string, log: AgentLog): Server {
  const trust = parseTrustProxy(trustProxy)
  const strangers = new Strangers(log)
  const server = createServer(
    {
      // A browser's own 16 kB, and what proxies add.
      maxHeaderSize: 32_768,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 1_000,
    },
    (req, res) => {
      respond(agents, trust, strangers, req).then(
        answer => send(res, answer),
        error => send(res, refusalOf(error, log)),
      )
    },
  )
  server.timeout = 60_000
  server.maxConnections = 8_192
  return server
}

async function respond(
  agents: Agents,
  trust: TrustProxy,
  strangers: Strangers,
  req: IncomingMessage,
): Promise<Answer> {
  const path = pathOf(req.url ?? '/')
  if (path === '/healthz') return told(200, 'alive')
  if (path === '/readyz') {
    const sites = await agents.ready()
    return Object.values(sites).includes('unavailable')
      ? told(503, 'unavailable', { sites })
      : told(200, 'ready', { sites })
  }
  const peer = normalizeAddress(req.socket.remoteAddress ?? '')
  const isTrusted = peer !== '' && trust(peer)
  const hosted = hostOf(agents, req, isTrusted)
  if (hosted === null) throw new CarnetError('not_found', 'No site of this host is served here.')
  const request = requestAt(hosted, req)
  const asks = isBelow(path, VERIFY)
  if (asks || isBelow(path, ENTER)) {
    if (!isTrusted) throw strangers.refuse(peer)
    return asks ? verify(hosted.agent, request) : enter(hosted.agent, hosted.origin, request)
  }
  if (!hosted.agent.owns(request.target))
    throw new CarnetError('not_found', 'There is nothing at this address.')
  const outcome = await hosted.agent.handle(request)
  if (outcome.answer === null) throw new TypeError('The agent left one of its own addresses to others.')
  return outcome.answer
}

function isBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`)
}

/** Some proxies ask under the agent's own name, and tell the site's beside it. */
function hostOf(agents: Agents, { headers }: IncomingMessage, isTrusted: boolean): Hosted | null {
  const named = agents.at(headers.host ?? '')
  return named ?? (isTrusted ? agents.at(String(headers['x-forwarded-host'] ?? '')) : null)
}

/** With the host in the manifest's own spelling, port and all. */
function requestAt({ origin }: Hosted, req: IncomingMessage): AgentRequest {
  const request = new NodeRequest(req, req.url ?? '/')
  return {
    method: request.method,
    target: request.target,
    headers: { ...request.headers, host: new URL(origin).host },
    peer: request.peer,
    fields: () => request.fields(),
  }
}

/** Whoever asks as a proxy and is none that is trusted: most likely the operator's own, named nowhere. */
class Strangers {
  readonly #log: AgentLog
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(log: AgentLog) {
    this.#log = log
  }

  refuse(peer: string): CarnetError {
    const now = performance.now()
    if (now - this.#toldAt >= HOUR_MS) {
      this.#toldAt = now
      this.#log.warn(
        { peer },
        `${VERIFY} was refused: if ${peer} is your proxy, name it in CARNET_TRUST_PROXY.`,
      )
    }
    const who = isLocalAddress(peer) ? peer : 'A public address, which the log names,'
    return new CarnetError(
      'internal',
      `${who} may not ask for others. If it is your proxy, name it in CARNET_TRUST_PROXY.`,
    )
  }
}

function told(status: 200 | 503, message: string, data: object = {}): Answer {
  const body = JSON.stringify({ code: status === 200 ? 0 : status, message, data })
  return answer(status, 'application/json; charset=utf-8', body, {
    headers: status === 503 ? { 'Retry-After': '1' } : {},
  })
}

function refusalOf(thrown: unknown, log: AgentLog): Answer {
  const error = toRefusal(thrown)
  if (error.cause !== undefined) log.warn({ err: error }, 'request_failed')
  else if (error.code === 'invalid_input') log.warn({ reason: error.message }, 'request_refused')
  return jsonRefusal(error)
}
