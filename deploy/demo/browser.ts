import { type IncomingHttpHeaders, request } from 'node:http'

/** An answer as it came. */
export interface Reply {
  readonly url: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The `Set-Cookie` headers. */
  readonly cookies: readonly string[]
  readonly body: string
}

/** How a browser is to behave. */
export interface BrowserOptions {
  /** The address it comes from. Default: 127.0.0.1. */
  from?: string
  userAgent?: string
  /** False: no cookie is kept or sent with what a page of another site loads. Default: true. */
  thirdPartyCookies?: boolean
  /** False: no cookie is kept at all. Default: true. */
  cookies?: boolean
}

interface Kept {
  value: string
  lax: boolean
  until: number
}

/**
 * A browser in a few lines, for `http://*.localhost`: host-only cookies with SameSite, redirects, and images of a page.
 * It sends no Fetch Metadata unless told to, as browsers do not over plain http.
 */
export class Browser {
  readonly #options: Required<BrowserOptions>
  readonly #jar = new Map<string, Map<string, Kept>>()

  constructor(options: BrowserOptions = {}) {
    this.#options = {
      from: '127.0.0.1',
      userAgent: 'carnet-demo/1.0',
      thirdPartyCookies: true,
      cookies: true,
      ...options,
    }
  }

  /** One request, no redirect followed. `page` is the page that loads it; absent for a navigation. */
  async request(
    url: string,
    options: {
      method?: string
      headers?: Record<string, string | string[]>
      body?: string
      page?: string
    } = {},
  ): Promise<Reply> {
    const { hostname, host, port, pathname, search } = new URL(url)
    const crossSite = options.page !== undefined && new URL(options.page).hostname !== hostname
    const cookie = this.#cookiesFor(hostname, crossSite)
    const reply = await new Promise<Reply>((resolve, reject) => {
      const sent = request(
        {
          // Node asks the resolver for *.localhost, which may not know it; browsers do not ask.
          host: '127.0.0.1',
          port,
          localAddress: this.#options.from,
          method: options.method ?? 'GET',
          path: pathname + search,
          agent: false,
          headers: {
            host,
            'user-agent': this.#options.userAgent,
            ...(cookie !== '' && { cookie }),
            ...(options.body !== undefined && { 'content-length': Buffer.byteLength(options.body) }),
            ...options.headers,
          },
        },
        received => {
          const chunks: Buffer[] = []
          received.on('data', chunk => chunks.push(chunk))
          received.on('error', reject)
          received.on('end', () =>
            resolve({
              url,
              status: received.statusCode ?? 0,
              headers: received.headers,
              cookies: received.headers['set-cookie'] ?? [],
              body: Buffer.concat(chunks).toString('latin1'),
            }),
          )
        },
      )
      sent.on('error', reject)
      sent.end(options.body)
    })
    if (!crossSite || this.#options.thirdPartyCookies) this.#keep(hostname, reply.cookies, crossSite)
    return reply
  }

  /** Follows redirects, as a navigation or as what `page` loads; every answer on the way, the last one last. */
  async follow(
    url: string,
    options: { page?: string; headers?: Record<string, string> } = {},
  ): Promise<Reply[]> {
    const replies: Reply[] = []
    for (let next: string | undefined = url; next !== undefined && replies.length < 20; ) {
      const reply: Reply = await this.request(next, options)
      replies.push(reply)
      const { location } = reply.headers
      next = location === undefined ? undefined : new URL(location, next).href
    }
    return replies
  }

  /** The last answer of a navigation. */
  async visit(url: string, headers: Record<string, string> = {}): Promise<Reply> {
    return (await this.follow(url, { headers })).at(-1) as Reply
  }

  /** Sends a form of a page, as a browser does. */
  async submit(page: string, action: string, fields: Record<string, string>): Promise<Reply> {
    return this.request(new URL(action, page).href, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(page).origin },
      body: new URLSearchParams(fields).toString(),
    })
  }

  /** Loads an image of a page. */
  async image(url: string, page: string): Promise<Reply> {
    return (await this.follow(url, { page })).at(-1) as Reply
  }

  /** The value of a cookie, or null. */
  cookie(url: string, name: string): string | null {
    return this.#jar.get(new URL(url).hostname)?.get(name)?.value ?? null
  }

  /** Puts a cookie into the jar. */
  plant(url: string, name: string, value: string): void {
    this.#keep(new URL(url).hostname, [`${name}=${value}; SameSite=Lax`], false)
  }

  /** Forgets all cookies of a host. */
  forget(url: string): void {
    this.#jar.delete(new URL(url).hostname)
  }

  #cookiesFor(hostname: string, crossSite: boolean): string {
    if (crossSite && !this.#options.thirdPartyCookies) return ''
    const kept = [...(this.#jar.get(hostname) ?? [])]
    return kept
      .filter(([, { lax, until }]) => until > Date.now() && !(lax && crossSite))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  #keep(hostname: string, cookies: readonly string[], crossSite: boolean): void {
    if (!this.#options.cookies) return
    const jar = this.#jar.get(hostname) ?? new Map<string, Kept>()
    this.#jar.set(hostname, jar)
    for (const line of cookies) {
      const [pair = '', ...attributes] = line.split(/;\s*/)
      const has = (attribute: string) => attributes.some(given => given.toLowerCase() === attribute)
      const lax = !has('samesite=none')
      if (lax && crossSite) continue
      // Browsers keep SameSite=None only with Secure.
      if (!lax && !has('secure')) continue
      const name = pair.slice(0, pair.indexOf('='))
      const age = attributes.find(attribute => /^max-age=/i.test(attribute))?.slice('max-age='.length)
      if (age !== undefined && Number(age) <= 0) jar.delete(name)
      else {
        const until = age === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(age) * 1000
        jar.set(name, { value: pair.slice(pair.indexOf('=') + 1), lax, until })
      }
    }
  }
}
