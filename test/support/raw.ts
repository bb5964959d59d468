import { request } from 'node:http'
import { connect } from 'node:net'

/** An answer read from a socket. */
export interface RawAnswer {
  /** 0 where the connection ended without one. */
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
}

/** Writes pieces to a server of this machine as they are, one after another, and reads until it closes. */
export function rawExchange(
  port: number,
  pieces: Iterable<string | Buffer> | AsyncIterable<string | Buffer>,
): Promise<RawAnswer> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString('latin1'))))
    socket.on('connect', async () => {
      for await (const piece of pieces) {
        if (!socket.writable) return
        socket.write(piece)
      }
    })
  })
}

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return {
    status: Number(first.split(' ')[1] ?? 0),
    headers: new Map(headers),
    text: rest.join('\r\n\r\n'),
  }
}

/** One request to an address of this machine, whatever host it names. */
export function askAt(
  at: { address: string; port: number },
  host: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: object } = {},
): Promise<RawAnswer & { cookies: readonly string[] }> {
  const sent = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: at.address,
        port: at.port,
        path,
        method: sent === undefined ? 'GET' : 'POST',
        agent: false,
        headers: {
          host,
          'user-agent': 'test',
          ...(sent !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(sent),
          }),
          ...headers,
        },
      },
      answer => {
        const chunks: Buffer[] = []
        answer.on('data', chunk => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: new Map(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
            text: Buffer.concat(chunks).toString('latin1'),
            cookies: answer.headers['set-cookie'] ?? [],
          }),
        )
      },
    )
    asked.on('error', reject)
    asked.end(sent)
  })
}
