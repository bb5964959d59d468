import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns'
import { type IncomingHttpHeaders, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { isLocalhost } from '@carnet/protocol'

/** An answer from the web, as it came. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The `Set-Cookie` headers. */
  readonly cookies: readonly string[]
  /** Its first 256 kB. */
  readonly body: string
  /** How long it took, in ms. */
  readonly took: number
  /** How far the answer's `Date` is ahead of this machine's clock, in ms and to half a second; null where it has none. */
  readonly ahead: number | null
  /** The address of this machine that it was asked from. */
  readonly from: string
}

/** What to ask, and for how long. */
export interface Question {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: object
  readonly signal?: AbortSignal
  /** Default: 5 s, the whole answer in it. */
  readonly withinMs?: number
}

const WITHIN_MS = 5_000
const LONGEST_BODY = 256_000

/** Looks a name up; those of localhost are this machine, whatever the resolver knows of them (RFC 6761 §6.3). */
const lookupName: LookupFunction = (name, options, done) => {
  if (!isLocalhost(name)) return lookup(name, options, done)
  const loopback: LookupAddress[] = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  if (options.all) return done(null, loopback)
  done(null, '127.0.0.1', 4)
}

/** How names are looked up, and their addresses tried: Node's own 250 ms for each of several are little for what is far. */
export const REACH: { readonly lookup: LookupFunction; readonly autoSelectFamilyAttemptTimeout: number } = {
  lookup: lookupName,
  autoSelectFamilyAttemptTimeout: 2_000,
}

/** Asks over a connection of its own, follows no redirect, and takes no certificate that is not in order. Throws an `Error` with a `code` where no answer comes. */
export async function ask(url: string, question: Question = {}): Promise<Reply> {
  const { method = 'GET', json, signal, withinMs = WITHIN_MS } = question
  const deadline = AbortSignal.timeout(withinMs)
  const body = json === undefined ? undefined : JSON.stringify(json)
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(deadline.aborted ? slow(withinMs) : error)
    const request = url.startsWith('https:') ? overHttps : overHttp
    const asked = request(url, {
      method,
      agent: false,
      ...REACH,
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      headers: {
        'user-agent': 'carnet-doctor',
        accept: 'application/json',
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        }),
        ...question.headers,
      },
    })
    asked.on('error', fail)
    asked.on('response', reply => {
      const chunks: Buffer[] = []
      let length = 0
      const from = reply.socket.localAddress ?? ''
      const end = () => {
        const date = Date.parse(reply.headers.date ?? '')
        const took = performance.now() - began
        resolve({
          status: reply.statusCode ?? 0,
          headers: reply.headers,
          cookies: reply.headers['set-cookie'] ?? [],
          body: Buffer.concat(chunks).toString(),
          took,
          // The header is cut to the second.
          ahead: Number.isNaN(date) ? null : date + 500 - (Date.now() - took / 2),
          from,
        })
      }
      reply.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length < LONGEST_BODY) return
        end()
        asked.destroy()
      })
      reply.on('error', fail)
      reply.on('end', end)
    })
    asked.end(body)
  })
}

/** Why nothing was heard, in few words. */
export function reasonOf(error: unknown): string {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: readonly Error[] }
  if (code === 'ENOTFOUND') return 'its name is not known (ENOTFOUND)'
  // Of several addresses that were tried, the first one's.
  return message || errors?.[0]?.message || String(code)
}

function slow(withinMs: number): Error {
  return Object.assign(new Error(`it did not answer within ${withinMs / 1000} s`), { code: 'ETIMEDOUT' })
}
