import type { AgentRequest, Answer } from './exchange.ts'
import { type Fields, fieldsOfWeb } from './fields.ts'

/** A web-standard request. */
export class WebRequest implements AgentRequest {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly peer: string
  readonly fields: () => Promise<Fields>

  /** `peer` is empty where nobody knows it: no forwarding header is believed then. */
  constructor(request: Request, peer: string, fields: () => Promise<Fields> = () => fieldsOfWeb(request)) {
    const { pathname, search, host } = new URL(request.url)
    this.method = request.method
    this.target = pathname + search
    this.headers = { host, ...Object.fromEntries(request.headers) }
    this.peer = peer
    this.fields = fields
  }
}

/** An answer as a web-standard response. */
export function toResponse(answer: Answer, method: string): Response {
  const { status, cookies, body } = answer
  const headers = new Headers(answer.headers)
  for (const cookie of cookies) headers.append('Set-Cookie', cookie)
  if (method === 'HEAD' || body.length === 0) return new Response(null, { status, headers })
  return new Response(typeof body === 'string' ? body : Uint8Array.from(body), { status, headers })
}

/** An app's response with more cookies: itself where its headers may be changed, else a copy around the same stream. */
export function withCookies<R extends Response | undefined>(
  response: R,
  cookies: readonly string[],
): R | Response {
  // What switches protocols is the runtime's own, and no copy can be made of it.
  if (cookies.length === 0 || response === undefined || response.status < 200) return response
  try {
    return append(response, cookies)
  } catch {
    // Headers of redirects and of what `fetch` has brought are fixed.
    return append(new Response(response.body, response), cookies)
  }
}

function append<R extends Response>(response: R, cookies: readonly string[]): R {
  for (const cookie of cookies) response.headers.append('Set-Cookie', cookie)
  return response
}
