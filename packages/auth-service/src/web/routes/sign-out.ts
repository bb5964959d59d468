import {
  CarnetError,
  cookieNames,
  findSite,
  type Manifest,
  originsOf,
  returnTarget,
  revokeSession,
  sessionHandle,
  verifiedSids,
} from '@carnet/protocol'
import { dropOwnCookie } from '../../sso/own-session.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { isProgram, succeed } from '../envelope.ts'
import { parameter } from '../middleware/one-value.ts'
import { signOutPage } from '../pages/sign-out.ts'

/** `GET /signout`: asks, since a link alone must sign nobody out. */
export function showSignOut(desk: Desk): Step {
  return async function showSignOut(ctx) {
    const manifest = desk.manifest.current
    if (ctx.state.session === null) return toSignIn(ctx, manifest)
    signOutPage(ctx, { manifest, user: ctx.state.session.record.user })
  }
}

/** `POST /signout`: ends the session at every site, and says so only once the store has confirmed it. */
export function signOut(desk: Desk): Step {
  return async function signOut(ctx) {
    const manifest = desk.manifest.current
    const site = parameter(ctx.query, 'site')
    if (site !== undefined && findSite(manifest, site) === null) {
      throw new CarnetError('unknown_site', 'This site does not take part.')
    }
    const names = cookieNames(manifest.auth)
    for (const sid of verifiedSids(desk.signer, ctx.headers.cookie, names.session)) {
      await revokeSession(desk.store, sid)
      desk.log.info({ session: sessionHandle(sid) }, 'session_revoked')
    }
    ctx.append('Set-Cookie', dropOwnCookie(names))
    if (isProgram(ctx)) return succeed(ctx, 'signout success', {})
    toSignIn(ctx, manifest)
  }
}

/** The sign-in page, with the way on that was asked for where it leads nowhere else. */
function toSignIn(ctx: Ctx, manifest: Manifest): void {
  const url = new URL('/signin', manifest.auth)
  const site = findSite(manifest, parameter(ctx.query, 'site') ?? '')
  const returnTo = parameter(ctx.query, 'return_to')
  const allowed = [manifest.auth, ...manifest.sites.flatMap(originsOf)]
  if (site !== null) url.searchParams.set('site', site.id)
  if (returnTo !== undefined && returnTarget(returnTo, site?.origin ?? manifest.auth, allowed) !== null) {
    url.searchParams.set('return_to', returnTo)
  }
  ctx.status = 303
  ctx.set('Location', url.href)
  ctx.body = ''
}
