import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { Agent as HttpsAgent, request as requestTls } from 'node:https'
import type { LookupFunction } from 'node:net'
import { z } from 'zod'
import type { Secrets } from '../cookie.ts'
import { CarnetError } from '../errors.ts'
import { isLocalhost } from '../manifest/schema.ts'
import { requestKeys, signRequest } from '../signed-request.ts'

/** Whose requests they are. */
export interface Signatory {
  readonly site: string
  /** The site's secrets, newest first. */
  readonly secrets: Secrets
}

/** What the auth service answered. */
export interface HttpAnswer {
  readonly status: number
  /** The code of a refusal, or null. */
  readonly error: string | null
  /** The envelope. */
  readonly body: Readonly<Record<string, unknown>>
  /** Seconds, or null. */
  readonly retryAfter: number | null
}

const envelope = z.looseObject({ code: z.int(), error: z.string().optional() })

const WITHIN_MS = 700
const LONGEST_ANSWER = 1_048_576
const NOT_WORTH_CORRECTING_MS = 5_000

// Resolvers do not know the names below localhost, which are loopback by RFC 6761 §6.3.
const loopback: LookupFunction = (_name, { all }, told) => {
  if (all === true)
    told(
      null,
      ['127.0.0.1', '::1'].map(address => ({ address, family: address.length > 3 ? 4 : 6 })),
    )
  else told(null, '127.0.0.1', 4)
}

/** Signed requests of one site to the auth service, over connections that are kept. */
export class HttpRequests {
  readonly #base: URL
  /** The path that the auth service lives below; empty at an origin of its own. */
  readonly #path: string
  readonly #site: string
  readonly #keys: Secrets
  readonly #agent: HttpAgent
  readonly #send: typeof request
  /** How far the auth service's clock is ahead of this process's, in ms, as far as that has mattered. */
  #ahead = 0

  /** Throws a `TypeError` for what is no address of an auth service: `https://`, or `http://` on localhost. */
  constructor(base: string, { site, secrets }: Signatory) {
    this.#base = parseBase(base)
    this.#path = this.#base.pathname.replace(/\/$/, '')
    this.#site = site
    this.#keys = requestKeys(secrets, site)
    const isTls = this.#base.protocol === 'https:'
    this.#agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
    this.#send = isTls ? requestTls : request
  }

  /**
   * Asks, within 700 ms unless told otherwise. What is refused is an answer, too. Throws `store_unavailable` where there
   * is none, and for one that says that nobody can tell now.
   */
  async ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    { within = WITHIN_MS, headers = {} }: { within?: number; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> {
    const text = body === undefined ? '' : JSON.stringify(body)
    const signal = AbortSignal.timeout(within)
    try {
      const options = { method, headers, signal }
      let reply = await this.#once(path, text, options)
      // What was sent again may be refused for having come before: signed anew, it would be carried out twice.
      if (reply.error === 'bad_signature' && !reply.sentAgain && this.#corrects(reply.date)) {
        reply = await this.#once(path, text, options)
      }
      if (reply.error === 'bad_signature')
        throw new Error('It refuses the signature: see to the site’s secrets.')
      if (reply.status >= 500) throw new Error(`It answers ${reply.status} ${reply.error ?? ''}.`)
      return reply
    } catch (cause) {
      if (signal.aborted) this.#dropIdle()
      throw new CarnetError('store_unavailable', 'The auth service does not answer. Try again in a moment.', {
        cause,
      })
    }
  }

  /** Opens an answer that does not end. `signal` ends it. Throws what the connection throws, and an `Error` for any status but 200. */
  async open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
    const options = { method: 'GET', signal, agent: this.#agent }
    const reply = await this.#sent(path, '', {
      ...options,
      headers: { ...headers, ...this.#signed('GET', path, '') },
    })
    if (reply.statusCode === 200) return reply
    const date = reply.headers.date
    reply.resume()
    // The next try is signed by a clock that is right.
    if (reply.statusCode === 401) this.#corrects(date)
    throw new Error(`The auth service answers ${reply.statusCode}.`)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #once(
    path: string,
    body: string,
    {
      method,
      headers: more,
      signal,
    }: { method: string; headers: Record<string, string>; signal: AbortSignal },
  ): Promise<HttpAnswer & { date: string | undefined; sentAgain: boolean }> {
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      signal,
      headers: {
        ...more,
        ...this.#signed(method, path, body),
        accept: 'application/json',
        ...(body !== '' && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    }
    // A connection that was kept may just have been closed. What is sent again bears the nonce that it had: should it
    // have come after all, it is refused, and nothing is done twice.
    let sentAgain = false
    const reply = await this.#sent(path, body, options).catch(error => {
      if ((error as { resend?: true }).resend !== true) throw error
      sentAgain = true
      return this.#sent(path, body, options)
    })
    const { statusCode: status = 0, headers } = reply
    const parsed = envelope.parse(JSON.parse(await textOf(reply)))
    const retryAfter = /^\d+$/.test(headers['retry-after'] ?? '') ? Number(headers['retry-after']) : null
    return { status, error: parsed.error ?? null, body: parsed, retryAfter, date: headers.date, sentAgain }
  }

  #sent(path: string, body: string, options: RequestOptions): Promise<IncomingMessage> {
    const { hostname, port } = this.#base
    const where = {
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: this.#path + path,
      ...(isLocalhost(hostname) && { lookup: loopback }),
    }
    return new Promise((resolve, reject) => {
      const sent = this.#send({ ...options, ...where }, resolve)
      sent.on('error', (error: NodeJS.ErrnoException) => {
        const resend = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        reject(resend ? Object.assign(error, { resend }) : error)
      })
      sent.end(body)
    })
  }

  /** Where nothing came back, connections to the same place may be gone without a word too, and would each cost a request. */
  #dropIdle(): void {
    for (const idle of Object.values(this.#agent.freeSockets)) {
      for (const socket of [...(idle ?? [])]) socket.destroy()
    }
  }

  #signed(method: string, path: string, body: string): { authorization: string } {
    const parts = { method, target: this.#path + path, body }
    return { authorization: signRequest(this.#keys, this.#site, parts, Date.now() + this.#ahead) }
  }

  /** Takes over the time of the auth service, where that may be why it refused; false where it is not. */
  #corrects(date: string | undefined): boolean {
    const ahead = Date.parse(date ?? '') - Date.now()
    if (Number.isNaN(ahead) || Math.abs(ahead - this.#ahead) < NOT_WORTH_CORRECTING_MS) return false
    this.#ahead = ahead
    return true
  }
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocalhost(url.hostname))
  if (url === null || !isSafe || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError(
      'An auth service is named as https://auth.example.com, and over http on localhost only.',
    )
  }
  return url
}

/** The data of an answer. Throws `store_unavailable` for any other than that. */
export function dataOf<T>({ body, status, error }: HttpAnswer, shape: z.ZodType<T>): T {
  const parsed = shape.safeParse(body['data'])
  if (error === null && parsed.success) return parsed.data
  const cause = error === null ? parsed.error : new Error(`It answers ${status} ${error}.`)
  throw new CarnetError('store_unavailable', 'The auth service gave an answer that cannot be read.', {
    cause,
  })
}

async function textOf(reply: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > LONGEST_ANSWER) throw new Error('The answer is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
