import { createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Secrets } from './cookie.ts'

/** How far a request's own time may be from the auth service's, in ms. A nonce is kept in mind for three times as long. */
export const CLOCKS_WITHIN_MS = 30_000

/** What a signature covers beside the site. */
export interface RequestParts {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly target: string
  /** The body as it is sent; empty where there is none. */
  readonly body: string
}

/** Who signed a request, when by its own clock (ms since epoch), and with which nonce. */
export interface RequestSignature {
  readonly site: string
  readonly at: number
  /** 128 random bits. */
  readonly nonce: string
  readonly signature: string
}

const HEADER = /^Carnet site=([a-z0-9-]{1,32}), at=(\d{1,15}), nonce=([\w-]{22}), signature=([\w-]{43})$/

/** The keys by which a site signs its requests to the auth service: derived from its secrets (HKDF-SHA-256, RFC 5869), newest first. */
export function requestKeys(secrets: Secrets, site: string): Secrets {
  const derive = (secret: string) =>
    Buffer.from(hkdfSync('sha256', secret, 'carnet', `requests:${site}`, 32)).toString('base64url')
  const [newest, ...older] = secrets
  return [derive(newest), ...older.map(derive)]
}

/** The `Authorization` header of a request that a site sends at a moment in ms. */
export function signRequest(keys: Secrets, site: string, parts: RequestParts, at: number): string {
  const nonce = randomBytes(16).toString('base64url')
  const signature = signatureOf(keys[0], { site, at, nonce }, parts)
  return `Carnet site=${site}, at=${at}, nonce=${nonce}, signature=${signature}`
}

/** What an `Authorization` header says; null for any that no site writes. */
export function parseSignature(header: string | undefined): RequestSignature | null {
  const [, site, at, nonce, signature] = HEADER.exec(header ?? '') ?? []
  if (site === undefined || nonce === undefined || signature === undefined) return null
  return { site, at: Number(at), nonce, signature }
}

/** Whether the site that it names has signed these parts, with one of its keys. Time and nonce are for the caller to judge. */
export function isSignedBy(keys: Secrets, signed: RequestSignature, parts: RequestParts): boolean {
  const given = Buffer.from(signed.signature)
  return keys.some(key => {
    const expected = Buffer.from(signatureOf(key, signed, parts))
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

function signatureOf(
  key: string,
  { site, at, nonce }: Omit<RequestSignature, 'signature'>,
  { method, target, body }: RequestParts,
): string {
  const digest = hash('sha256', body, 'base64url')
  // No part can hold a line's end: they come from a request line, or were read by the header's pattern.
  const text = ['carnet-request', site, method, target, at, nonce, digest].join('\n')
  return createHmac('sha256', key).update(text).digest('base64url')
}
