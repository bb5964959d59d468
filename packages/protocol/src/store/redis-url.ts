/** Redis as a URL names it. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** The servers to begin with: of a `sentinel` target the sentinels. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly tls: boolean
  readonly username: string | null
  readonly password: string | null
  /** What the sentinels call the master; of other targets empty. */
  readonly name: string
  /** The sentinels' own password. */
  readonly sentinelPassword: string | null
  /** The number of the database; 0 on a cluster. */
  readonly database: number
}

const URL_PARTS =
  /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@?]+)(?:\/([^?@]*))?(?:\?(.*))?$/

const EXAMPLES = {
  single: 'redis://host:6379',
  sentinel: 'redis+sentinel://host1:26379,host2:26379/mymaster',
  cluster: 'redis+cluster://host1:6379,host2:6379',
}

/**
 * Parses `redis://`, `redis+sentinel://h1,h2/name` and `redis+cluster://h1,h2`, each with `rediss` for TLS and
 * `user:password@` where needed. Several hosts make it no URL that the WHATWG parser takes. Throws a `TypeError`
 * that never shows the URL, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const match = URL_PARTS.exec(url)
  const kind = (match?.[2]?.slice(1) ?? 'single') as RedisTarget['kind']
  const fault = new TypeError(`Redis is named like ${EXAMPLES[kind]}.`)
  if (match === null) throw fault
  const [, scheme = '', , username = '', password = '', hosts = '', path = '', query = ''] = match
  const nodes = hosts.split(',').map(host => nodeOf(host, kind === 'sentinel' ? 26_379 : 6_379))
  const number = path === '' ? 0 : Number(path)
  if (nodes.some(node => node === null)) throw fault
  if (kind === 'single' && (nodes.length > 1 || !Number.isInteger(number) || number < 0)) throw fault
  if (kind === 'sentinel' && path === '') throw fault
  if (kind === 'cluster' && path !== '') throw fault
  // What is unknown is not shown: after an "@" and a "?" that were not escaped it is part of the password.
  const sentinelPassword = query === '' ? null : /^sentinel-password=([^&=]+)$/.exec(query)?.[1]
  if (sentinelPassword === undefined)
    throw new TypeError('Of what follows a "?", a Redis URL takes only "sentinel-password".')
  const decoded = (part: string) => {
    try {
      return decodeURIComponent(part)
    } catch {
      throw fault
    }
  }
  return {
    kind,
    nodes: nodes.filter(node => node !== null),
    tls: scheme === 'rediss',
    username: username === '' ? null : decoded(username),
    password: password === '' ? null : decoded(password),
    name: kind === 'sentinel' ? decoded(path) : '',
    sentinelPassword: sentinelPassword === null ? null : decoded(sentinelPassword),
    database: kind === 'single' ? number : 0,
  }
}

function nodeOf(host: string, standardPort: number): { host: string; port: number } | null {
  if (!URL.canParse(`redis://${host}`)) return null
  const { hostname, port } = new URL(`redis://${host}`)
  if (hostname === '') return null
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? standardPort : Number(port),
  }
}
