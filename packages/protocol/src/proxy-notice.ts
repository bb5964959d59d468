import { type Arrival, isLocalAddress, type TrustProxy, untrustedForwarder } from './binding.ts'

const HOUR_MS = 3_600_000

/**
 * Nobody's address (RFC 5737), which the doctor sends as one that is forged. Seen alone in `X-Forwarded-For` it says of no
 * proxy that it is there.
 */
export const FORGED_ADDRESS = '203.0.113.251'

/**
 * Notices forwarding headers from a peer that is not trusted: most likely the operator's own proxy, named nowhere, so
 * that all clients have its address. It may as well be a client that forged them, so nothing more than words hang on it.
 */
export class ProxyNotice {
  readonly #trust: TrustProxy
  readonly #tell: (peer: string) => void
  readonly #now: () => number
  #seen: { peer: string; at: number } | null = null
  #toldAt = Number.NEGATIVE_INFINITY

  /** `tell` hears of a peer once an hour at most; `now` is ms of any clock. */
  constructor(trust: TrustProxy, tell: (peer: string) => void, now: () => number = () => performance.now()) {
    this.#trust = trust
    this.#tell = tell
    this.#now = now
  }

  /** Looks at a request. */
  see(request: Arrival): void {
    const peer = untrustedForwarder(withoutForged(request), this.#trust)
    if (peer === null) return
    const at = this.#now()
    this.#seen = { peer, at }
    if (at - this.#toldAt < HOUR_MS) return
    this.#toldAt = at
    this.#tell(peer)
  }

  /** What to say of it for an hour after the last such request; null where there was none. */
  get message(): string | null {
    if (this.#seen === null || this.#now() - this.#seen.at >= HOUR_MS) return null
    const { peer } = this.#seen
    // Anybody may read this, and a public address may be a visitor's.
    const who = isLocalAddress(peer) ? peer : 'a public address, which the log names'
    return `Forwarding headers come from ${who}, and are not believed. If that is your proxy, name it in CARNET_TRUST_PROXY (in code: trustProxy).`
  }
}

function withoutForged(request: Arrival): Arrival {
  const { 'x-forwarded-for': forwarded, ...headers } = request.headers
  return forwarded === FORGED_ADDRESS ? { ...request, headers } : request
}
