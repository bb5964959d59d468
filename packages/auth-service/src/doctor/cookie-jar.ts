/** Cookies as a browser keeps them, each for the host that set it. */
export class CookieJar {
  readonly #hosts = new Map<string, Map<string, string>>()

  /** Keeps what an answer from a URL sets, and drops what it drops. */
  keep(url: string, lines: readonly string[]): void {
    const { hostname } = new URL(url)
    const kept = this.#hosts.get(hostname) ?? new Map<string, string>()
    this.#hosts.set(hostname, kept)
    for (const line of lines) {
      const { name, value, attributes } = read(line)
      // RFC 6265bis §5.7: what a name promises is asked for.
      const isHosts = attributes.has('secure') && attributes.get('path') === '/' && !attributes.has('domain')
      if (name.startsWith('__Host-') && !isHosts) continue
      if (Number(attributes.get('max-age') ?? 1) <= 0) kept.delete(name)
      else kept.set(name, value)
    }
  }

  /** The `Cookie` header for a URL; null where there is none to send. */
  header(url: string): string | null {
    const kept = [...(this.#hosts.get(new URL(url).hostname) ?? [])]
    return kept.length === 0 ? null : kept.map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** The value of a cookie, or null. */
  value(url: string, name: string): string | null {
    return this.#hosts.get(new URL(url).hostname)?.get(name) ?? null
  }
}

/** What is wrong with a cookie of ours as it arrived, all of which are made alike; null where nothing is. */
export function spoiltIn(line: string, url: string): string | null {
  const { attributes } = read(line)
  if (url.startsWith('https:') && !attributes.has('secure')) return 'has lost Secure'
  if (attributes.has('domain')) return 'has got a Domain'
  if (attributes.get('path') !== '/') return 'has lost Path=/'
  if (!attributes.has('httponly')) return 'has lost HttpOnly'
  return attributes.has('samesite') ? null : 'has lost SameSite'
}

/** The line among `Set-Cookie` headers that sets a cookie of that name, or one that begins so; null where none does. */
export function lineOf(lines: readonly string[], name: string): string | null {
  return lines.find(line => line.startsWith(name)) ?? null
}

function read(line: string): { name: string; value: string; attributes: Map<string, string> } {
  const [pair = '', ...rest] = line.split(';').map(part => part.trim())
  const attributes = rest.map(attribute => {
    const [name = '', value = ''] = attribute.split('=', 2)
    return [name.toLowerCase(), value] as const
  })
  const equals = pair.indexOf('=')
  return { name: pair.slice(0, equals), value: pair.slice(equals + 1), attributes: new Map(attributes) }
}
