import {
  CarnetError,
  cookieNames,
  findSite,
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
    if (ctx.state.session === null) return toSignIn(ctx, manifest.auth)
    signOutPage(ctx, { manifest, user: ctx.state.session.record.user })
  }
}

/** `POST /signout`: ends the session at every site, and says so only once the store has confirmed it. */
export function signOut(desk: Desk): Step {
  return async function signOut(ctx) {
    const { auth, ...manifest } = desk.manifest.current
    const site = parameter(ctx.query, 'site')
    if (site !== undefined && findSite({ auth, ...manifest }, site) === null) {
      throw new CarnetError('unknown_site', 'This site does not take part.')
    }
    const names = cookieNames(auth)
    for (const sid of verifiedSids(desk.signer, ctx.headers.cookie, names.session)) {
      await revokeSession(desk.store, sid)
      desk.log.info({ session: sessionHandle(sid) }, 'session_revoked')
    }
    ctx.append('Set-Cookie', dropOwnCookie(names))
    if (isProgram(ctx)) return succeed(ctx, 'signout success', {})
    toSignIn(ctx, auth)
  }
}

function toSignIn(ctx: Ctx, auth: string): void {
  ctx.status = 303
  ctx.set('Location', `${auth}/signin${ctx.search}`)
  ctx.body = ''
}
