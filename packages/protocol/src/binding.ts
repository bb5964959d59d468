import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import proxyAddr from 'proxy-addr'

/** How exactly a nonce-bound ticket asks for the address it was issued to. */
export type BindingMode = 'exact' | 'prefix' | 'log' | 'off'

/** What a ticket remembers of the client it was issued to. */
export interface Binding {
  readonly address: string
  /** A digest of the User-Agent header: it only ever has to be equal. */
  readonly userAgent: string
}

/** Who is asking. */
export interface Client {
  /** The normalised address (`::ffff:1.2.3.4` reads `1.2.3.4`). */
  readonly address: string
  readonly userAgent: string
  /**
   * True where the address may be some proxy's, shared by many: forwarding headers from a peer that is not trusted, or
   * none that name an address from one that is. Pushed tickets need a certain address.
   */
  readonly addressUncertain: boolean
}

/** Judges whether a peer at this address may speak for others. */
export type TrustProxy = (address: string) => boolean

/**
 * Reads a list of proxy addresses and CIDRs (`10.0.0.0/8, ::1`), or `none`. Throws a `TypeError` that names the
 * faulty entry.
 */
export function parseTrustProxy(list: string): TrustProxy {
  const entries = list
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '' && entry !== 'none')
  const trust = proxyAddr.compile(entries)
  return address => trust(address, 0)
}

const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
]

/** As much of a request as tells where it comes from. */
export interface Arrival {
  /** The address of the socket's other end. */
  readonly peer: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The client behind a request: the socket's peer, or what trusted proxies say, walked from the right. */
export function clientOf(request: Arrival, trust: TrustProxy): Client {
  const { headers } = request
  const peer = normalizeAddress(request.peer)
  const userAgent = hash('sha256', String(headers['user-agent'] ?? ''), 'base64url').slice(0, 22)
  if (peer !== '' && trust(peer)) {
    const address = forwardedAddress(headers['x-forwarded-for'], trust)
    return { address: address || peer, userAgent, addressUncertain: address === '' }
  }
  return { address: peer, userAgent, addressUncertain: isForwarded(headers) || peer === '' }
}

/** The peer that speaks for others and may not, normalised; null where nobody is spoken for, or by a trusted proxy. */
export function untrustedForwarder({ peer, headers }: Arrival, trust: TrustProxy): string | null {
  if (!isForwarded(headers)) return null
  const address = normalizeAddress(peer)
  return address === '' || trust(address) ? null : address
}

function isForwarded(headers: Arrival['headers']): boolean {
  return FORWARDING_HEADERS.some(name => headers[name] !== undefined)
}

/**
 * What trusted proxies say; the empty string where they name no address. Each of them added whom it heard at the right
 * end, so the walk ends at the first entry that is none of theirs: what stands left of it is the client's own word.
 */
function forwardedAddress(header: string | string[] | undefined, trust: TrustProxy): string {
  let address = ''
  const entries = String(header ?? '').split(',')
  for (const entry of entries.reverse()) {
    address = addressIn(entry.trim())
    if (address === '' || !trust(address)) return address
  }
  return address
}

/** The address in an entry of `X-Forwarded-For`. Some proxies write the port as well: `1.2.3.4:5678`, `[2001:db8::1]:443`. */
function addressIn(entry: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]{1,64})\](?::\d{1,5})?|([^:]{1,64}):\d{1,5})$/.exec(entry) ?? []
  return normalizeAddress(bracketed ?? plain ?? entry)
}

/** The one spelling of an IP address; the empty string for anything else, octal and short forms of IPv4 too. */
export function normalizeAddress(value: string): string {
  return isIP(value) !== 0 && ipaddr.isValid(value) ? ipaddr.process(value).toString() : ''
}

/** Whether an address is one of a network's own: loopback, private, link-local, shared. False for what is no address. */
export function isLocalAddress(value: string): boolean {
  const address = parseAddress(value)
  return address !== null && address.range() !== 'unicast'
}

/**
 * The networks that an address lies in, the narrowest first: an IPv4 one in a /24, an IPv6 one in a /64 and a /48, which
 * is what one customer may have. Empty for no address.
 */
export function networksOf(address: string): string[] {
  const parsed = parseAddress(address)
  if (parsed === null) return []
  return (parsed.kind() === 'ipv4' ? [24] : [64, 48]).map(bits => prefixOf(parsed, bits))
}

/** The network that an address lies in, `192.0.2.0/24` or `2001:db8:1:2::/64`; the empty string for no address. */
export function addressPrefix(address: string): string {
  const parsed = parseAddress(address)
  if (parsed === null) return ''
  return prefixOf(parsed, parsed.kind() === 'ipv4' ? 24 : 64)
}

function prefixOf(address: Address, bits: number): string {
  const bytes = address.toByteArray().map((byte, index) => (index < bits / 8 ? byte : 0))
  return `${ipaddr.fromByteArray(bytes)}/${bits}`
}

/** For pushed tickets: the very address and browser name, and no unknown proxy in between. */
export function judgeExact(binding: Binding, client: Client): boolean {
  return (
    !client.addressUncertain &&
    client.address !== '' &&
    client.address === binding.address &&
    client.userAgent === binding.userAgent
  )
}

/**
 * For nonce-bound tickets. A browser reaches two hosts over IPv4 and IPv6 within one second, so an address of the
 * other family is no refusal: the nonce has named the browser already.
 */
export function judgeBinding(
  binding: Binding,
  client: Client,
  mode: BindingMode,
): 'same' | 'cross_family' | 'address_changed' | 'refused' {
  if (mode === 'off' || binding.address === client.address) return 'same'
  const issuedTo = parseAddress(binding.address)
  const shownBy = parseAddress(client.address)
  if (issuedTo === null || shownBy === null) return mode === 'log' ? 'address_changed' : 'refused'
  if (issuedTo.kind() !== shownBy.kind()) return 'cross_family'
  if (mode === 'prefix' && samePrefix(issuedTo, shownBy)) return 'same'
  return mode === 'log' ? 'address_changed' : 'refused'
}

type Address = ReturnType<typeof ipaddr.process>

function samePrefix(a: Address, b: Address): boolean {
  // A /24 and a /56 are what carriers hand to one customer or one gateway.
  const bits = a.kind() === 'ipv4' ? 24 : 56
  const left = a.toByteArray()
  const right = b.toByteArray()
  return left.slice(0, bits / 8).every((byte, index) => byte === right[index])
}

function parseAddress(value: string): Address | null {
  return ipaddr.isValid(value) ? ipaddr.process(value) : null
}
