import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'

/** What one client may take of a server. Times in ms. */
export interface ServerLimits {
  /** Bytes of a request's first line and headers. Default: 16 kB. */
  readonly headerBytes?: number
  /** Until a request's headers are there, from the connection on, or from their first byte. Default: 10 s. */
  readonly headersWithin?: number
  /** Until the whole request is there. Default: 30 s. */
  readonly requestWithin?: number
  /** Until a connection ends on which nothing moves, such as one to a client that reads no answer. Default: 60 s. */
  readonly silentFor?: number
  /** How long a connection is kept for another request: longer than proxies keep theirs, 60 s. Default: 65 s. */
  readonly keptFor?: number
  /** Connections at once; beyond, idle ones are closed to make room. Default: 8,192. */
  readonly connections?: number
}

/**
 * A server for the open internet: all that Node answers by itself, before any app has its say, bears the headers of
 * the app's own answers, and slow, large and surplus requests are cut. With `tls`, over https.
 */
export function guardedServer(
  handle: RequestListener,
  { tls, ...limits }: ServerLimits & { tls?: { key: string; cert: string } } = {},
): Server {
  const { headersWithin = 10_000, requestWithin = 30_000, keptFor = 65_000 } = limits
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytes ?? 16_384,
    headersTimeout: headersWithin,
    requestTimeout: requestWithin,
    keepAliveTimeout: keptFor,
    // The times are looked at so often, and no oftener; Node's own 30 s would make them as long.
    connectionsCheckingInterval: Math.min(1_000, headersWithin),
    // Node would refuse it with an answer that cannot be given headers.
    requireHostHeader: false,
  }
  const answers = new WeakMap<Duplex, ServerResponse>()
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    answers.set(req.socket, res)
    if (!namesOneHost(req)) return void res.writeHead(400, headersFor(400)).end(textFor(400))
    handle(req, res)
  }
  const server =
    tls === undefined ? createServer(options, onRequest) : createTlsServer({ ...options, ...tls }, onRequest)
  server.timeout = limits.silentFor ?? 60_000
  server.maxConnections = limits.connections ?? 8_192
  // Types of Node do not know it; in a cluster it keeps what is too much from waiting for another worker.
  Object.assign(server, { dropMaxConnection: true })
  server.on('drop', () => server.closeIdleConnections())
  server.on('checkExpectation', (_req, res) => void res.writeHead(417, headersFor(417)).end(textFor(417)))
  server.on('connect', (_req, socket) => refuse(socket, 405))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = statusOf(error.code ?? '')
    const answer = answers.get(socket)
    const halfAnswered = answer?.headersSent === true && !answer.writableFinished
    if (status === null || halfAnswered || !socket.writable) socket.destroy()
    else refuse(socket, status)
  })
  return server
}

/** RFC 9112 §3.2: with HTTP/1.1 one Host header, no more and no fewer. */
function namesOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') hosts++
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0')
}

/** Null for what is no request at all: a connection that was cut, or plain text where TLS is spoken. */
function statusOf(code: string): 400 | 408 | 413 | 431 | null {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413
  return code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? 400 : null
}

const LINGER_MS = 1_000

function refuse(socket: Duplex, status: number): void {
  const headers = Object.entries(headersFor(status)).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.on('error', () => {})
  // What is still on its way is read and dropped for a moment: closed at once, the answer would be lost to a reset.
  socket.resume()
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join('')}\r\n${textFor(status)}`)
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

function headersFor(status: number): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(textFor(status).length),
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    Connection: 'close',
    ...(status === 405 && { Allow: 'GET, HEAD, POST' }),
  }
}

function textFor(status: number): string {
  return `${status} ${STATUS_CODES[status]}\n`
}
