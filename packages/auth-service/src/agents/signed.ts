import {
  CarnetError,
  CLOCKS_WITHIN_MS,
  findSite,
  isSignedBy,
  parseSignature,
  requestKeys,
  type Secrets,
  siteSecrets,
} from '@carnet/protocol'
import type { Desk, Step } from '../web/context.ts'

/** Lets pass what an agent of a site has signed just now, and once; the site is in `ctx.state.site`. */
export function signed(desk: Desk, secrets: Secrets): Step {
  const keys = new Map<string, Secrets>()
  const keysOf = (site: string): Secrets => {
    const known = keys.get(site) ?? requestKeys(siteSecrets(secrets, site), site)
    keys.set(site, known)
    return known
  }
  return async function signed(ctx, next) {
    const signature = parseSignature(ctx.headers.authorization)
    if (signature === null) throw refused('This address is for agents, which sign what they send.')
    const site = findSite(desk.manifest.current, signature.site)
    if (site === null) throw new CarnetError('unknown_site', 'This site does not take part.')
    const body = ctx.request.rawBody ?? ''
    if (!isSignedBy(keysOf(site.id), signature, { method: ctx.method, target: ctx.req.url ?? '', body })) {
      throw refused('The signature is not that of this site, or not of this request.')
    }
    // The store's time, which all processes of the auth service share.
    const now = desk.store.now()
    if (Math.abs(now - signature.at) > CLOCKS_WITHIN_MS) {
      ctx.set('Date', new Date(now).toUTCString())
      throw refused('The signature is too old, or of another clock than this one.')
    }
    // Longer than a signature counts, whose clock may be behind or ahead, and a little longer.
    const until = now + 3 * CLOCKS_WITHIN_MS
    if (!(await desk.store.once(site.id, signature.nonce, until))) {
      throw refused('This request was sent before.')
    }
    ctx.state.site = site
    await next()
  }
}

function refused(message: string): CarnetError {
  return new CarnetError('bad_signature', message)
}
