import { request } from 'node:http'

/** An answer, or that there was none. Moments are `performance.now()` of this process. */
export interface Answer {
  readonly url: string
  /** 0: none came, and `fault` says why. */
  readonly status: number
  readonly fault: string
  readonly location: string
  readonly cookies: readonly string[]
  readonly body: string
  readonly beganAt: number
  readonly endedAt: number
}

/** What to send. */
export interface Sending {
  readonly cookie?: string
  readonly userAgent?: string
  readonly accept?: string
  /** Makes it a POST of JSON. */
  readonly json?: unknown
  /** As a script or a page of the site itself would send it. */
  readonly own?: boolean
}

// Far beyond what any answer may take: it only keeps one that never comes from holding up the drill.
const GIVEN_UP_AFTER_MS = 8_000

/** One request on a connection of its own; no redirect is followed, and nothing is thrown. */
export function send(url: string, sending: Sending = {}): Promise<Answer> {
  const { host, port, pathname, search } = new URL(url)
  const body = sending.json === undefined ? null : JSON.stringify(sending.json)
  const beganAt = performance.now()
  return new Promise(resolve => {
    const done = (part: Partial<Answer>) =>
      resolve({
        url,
        status: 0,
        fault: '',
        location: '',
        cookies: [],
        body: '',
        ...part,
        beganAt,
        endedAt: performance.now(),
      })
    const sent = request(
      {
        // Node asks the resolver for *.localhost, which may not know it.
        host: '127.0.0.1',
        port,
        path: pathname + search,
        method: body === null ? 'GET' : 'POST',
        agent: false,
        timeout: GIVEN_UP_AFTER_MS,
        headers: {
          host,
          'user-agent': sending.userAgent ?? 'carnet-drill',
          ...(sending.accept !== undefined && { accept: sending.accept }),
          ...(sending.cookie !== undefined && sending.cookie !== '' && { cookie: sending.cookie }),
          ...(sending.own === true && { 'sec-fetch-site': 'same-origin' }),
          ...(body !== null && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
        },
      },
      received => {
        const chunks: Buffer[] = []
        received.on('data', chunk => chunks.push(chunk))
        received.on('error', error => done({ fault: error.message }))
        received.on('end', () =>
          done({
            status: received.statusCode ?? 0,
            location: received.headers.location ?? '',
            cookies: received.headers['set-cookie'] ?? [],
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', error => done({ fault: error.message }))
    sent.end(body ?? undefined)
  })
}

/** A browser's cookies: host-only, and kept until they are dropped. */
export class Visitor {
  readonly #jar = new Map<string, Map<string, string>>()
  readonly userAgent: string

  constructor(userAgent: string) {
    this.userAgent = userAgent
  }

  /** The `Cookie` header for an address, to be sent again later. */
  cookieFor(url: string): string {
    const kept = this.#jar.get(new URL(url).hostname) ?? new Map<string, string>()
    return [...kept].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** One request with the cookies of its host, which its answer then changes. */
  async send(url: string, sending: Omit<Sending, 'cookie' | 'userAgent'> = {}): Promise<Answer> {
    const answer = await send(url, {
      ...sending,
      cookie: this.cookieFor(url),
      userAgent: this.userAgent,
    })
    this.keep(answer)
    return answer
  }

  /** Takes the cookies of an answer. */
  keep(answer: Answer): void {
    const { hostname } = new URL(answer.url)
    const kept = this.#jar.get(hostname) ?? new Map<string, string>()
    this.#jar.set(hostname, kept)
    for (const line of answer.cookies) {
      const [pair = ''] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      if (/;\s*max-age=0\b/i.test(line)) kept.delete(name)
      else kept.set(name, pair.slice(pair.indexOf('=') + 1))
    }
  }
}
