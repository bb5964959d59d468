import { timingSafeEqual } from 'node:crypto'
import { authOrigin, CarnetError, hasJsonBody, type LiveManifest, requestOrigin } from '@carnet/protocol'
import { nanoid } from 'nanoid'
import type { Ctx, Step } from '../context.ts'

const READING = ['GET', 'HEAD', 'OPTIONS']

/**
 * Refuses state-changing requests that did not start on one of our own pages: by Fetch Metadata, else by Origin,
 * else by the form's token. A JSON body needs no token, since no foreign page can send one unasked.
 */
export function sameOrigin(manifest: LiveManifest): Step {
  return async function sameOrigin(ctx, next) {
    if (!READING.includes(ctx.method)) {
      const from = requestOrigin(ctx.headers, [authOrigin(manifest.current)])
      const allowed =
        from === 'same' || (from === 'unknown' && (hasJsonBody(ctx.headers) || hasFormToken(ctx)))
      if (!allowed) throw new CarnetError('csrf', 'This request did not start on one of our own pages.')
    }
    await next()
  }
}

/** The token for a form on a page, made with the first form. */
export function formToken(ctx: Ctx): string {
  const state = ctx.session
  const token = state?.formToken ?? nanoid()
  if (state !== null && state.formToken === undefined) state.formToken = token
  return token
}

function hasFormToken(ctx: Ctx): boolean {
  const sent = (ctx.request.body as Record<string, unknown> | undefined)?.['form_token']
  const kept = ctx.session?.formToken
  if (typeof sent !== 'string' || kept === undefined) return false
  const [a, b] = [Buffer.from(sent), Buffer.from(kept)]
  return a.length === b.length && timingSafeEqual(a, b)
}
