import { randomBytes } from 'node:crypto'
import type { Middleware } from 'koa'
import helmet from 'koa-helmet'
import type { Step } from '../context.ts'

/** Headers of every answer, error pages too. Pages loosen the Content-Security-Policy for what they show. */
export function headers(secure: boolean): Step {
  const steady = helmet({
    // Each page has its own, with its nonce.
    contentSecurityPolicy: false,
    // Not `no-referrer`: under it forms are sent with `Origin: null`.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    // Other hosts below this one are none of ours.
    strictTransportSecurity: secure && { maxAge: 31_536_000, includeSubDomains: false },
    // It would decide for the pages of the app that the service lives in.
    originAgentCluster: false,
  }) as Middleware
  return async function headers(ctx, next) {
    ctx.state.nonce = randomBytes(16).toString('base64')
    // Koa takes the scheme from the socket; behind a TLS proxy it would refuse our Secure cookies.
    ctx.cookies.secure = secure
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': policy({}),
    })
    await steady(ctx as Parameters<typeof steady>[0], next)
  }
}

/** What a page may load and do, beyond nothing. */
export interface PagePolicy {
  /** The nonce of its style and script elements. */
  nonce?: string
  script?: boolean
  /** Origins that images may come from. */
  images?: readonly string[]
}

/** The Content-Security-Policy of a page. */
export function policy({ nonce, script = false, images = [] }: PagePolicy): string {
  return [
    "default-src 'none'",
    nonce === undefined ? null : `style-src 'nonce-${nonce}'`,
    nonce === undefined || !script ? null : `script-src 'nonce-${nonce}'`,
    `img-src ${['data:', ...images].join(' ')}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
    .filter(directive => directive !== null)
    .join('; ')
}
