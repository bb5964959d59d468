import type { IncomingMessage } from 'node:http'
import { CarnetError, hasJsonBody, wantsJson } from '@carnet/protocol'
import { type Fields, fieldsOf } from './fields.ts'

/** A request as an adapter hands it over. */
export interface AgentRequest {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The address of the socket's other end. */
  readonly peer: string
  /** What a form or JSON holds; read only where it is asked for. Absent: there is no body. Throws `invalid_input`. */
  fields?(): Promise<Fields>
}

/** A request of a `node:http` server. */
export class NodeRequest implements AgentRequest {
  readonly method: string
  readonly target: string
  readonly headers: AgentRequest['headers']
  readonly #req: IncomingMessage
  readonly #parsed: () => unknown

  /** `target` as it was before a framework cut it; `parsed` gives what a body parser has made of the body, if it has. */
  constructor(req: IncomingMessage, target: string, parsed: () => unknown = () => undefined) {
    this.method = req.method ?? 'GET'
    this.target = target
    this.headers =
      req.httpVersionMajor < 2 ? req.headers : { host: req.headers[':authority'], ...req.headers }
    this.#req = req
    this.#parsed = parsed
  }

  // Asking the socket costs a system call, and few requests are asked where they come from.
  get peer(): string {
    return this.#req.socket.remoteAddress ?? ''
  }

  fields(): Promise<Fields> {
    return fieldsOf(this.#req, this.#parsed())
  }
}

/** An answer for an adapter to send, as it is. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `Set-Cookie` headers. */
  readonly cookies: readonly string[]
  readonly body: string | Uint8Array
}

// On every answer of the agent: none is for a cache, and no ticket leaves by a Referer.
const PRIVATE = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

/** An answer with a body of the given type. */
export function answer(
  status: number,
  type: string,
  body: string | Uint8Array,
  more: { headers?: Readonly<Record<string, string>>; cookies?: readonly string[] } = {},
): Answer {
  const headers = { ...PRIVATE, ...(type === '' ? {} : { 'Content-Type': type }), ...more.headers }
  return { status, headers, cookies: more.cookies ?? [], body }
}

/** A JSON answer in the one envelope. */
export function json(data: unknown, message: string, cookies: readonly string[] = []): Answer {
  const body = JSON.stringify({ code: 0, message, data })
  return answer(200, 'application/json; charset=utf-8', body, { cookies })
}

/** A redirect to an absolute URL. */
export function redirect(status: 302 | 303, location: string, cookies: readonly string[] = []): Answer {
  return answer(status, '', '', { headers: { Location: location }, cookies })
}

/** A refusal as JSON, with what else the caller may need. Sets no cookie. */
export function jsonRefusal(error: CarnetError, more: Readonly<Record<string, string>> = {}): Answer {
  const body = JSON.stringify({
    code: error.status,
    error: error.code,
    message: error.message,
    ...(error.fields === null ? {} : { fields: error.fields }),
    ...more,
  })
  return answer(error.status, 'application/json; charset=utf-8', body, { headers: refusalHeaders(error) })
}

/** The headers that name a refusal's cause. */
export function refusalHeaders(error: CarnetError): Record<string, string> {
  return {
    'Carnet-Error': error.code,
    ...(error.retryAfter === null ? {} : { 'Retry-After': String(error.retryAfter) }),
  }
}

/** The path of a request target, without query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** The query of one of the agent's own routes. Throws `invalid_input` where a parameter is repeated. */
export function queryOf(target: string): ReadonlyMap<string, string> {
  const query = target.indexOf('?')
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query < 0 ? '' : target.slice(query + 1))) {
    if (parameters.has(name)) {
      const known = /^[a-z_]{1,20}$/.test(name) ? `"${name}"` : 'A parameter'
      throw new CarnetError('invalid_input', `${known} is given more than once.`)
    }
    parameters.set(name, value)
  }
  return parameters
}

/** Whether a browser goes to a page with this request; without Fetch Metadata, whatever does not ask for JSON. */
export function isNavigation(request: AgentRequest): boolean {
  const mode = request.headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate'
  return !wantsJson(request.headers) && !hasJsonBody(request.headers)
}

/** The cookie header. */
export function cookieHeader(request: AgentRequest): string | undefined {
  const header = request.headers['cookie']
  return Array.isArray(header) ? header.join('; ') : header
}

/** Any fault as a refusal; what is none of ours is `internal`. */
export function toRefusal(thrown: unknown): CarnetError {
  if (thrown instanceof CarnetError) return thrown
  return new CarnetError('internal', 'Something went wrong.', { cause: thrown })
}
