import {
  authOrigin,
  CarnetError,
  cookieNames,
  findSite,
  type Manifest,
  originsOf,
  returnTarget,
  sessionHandle,
  verifiedSids,
} from '@carnet/protocol'
import { z } from 'zod'
import { dropOwnCookie, dropRememberCookie, readRememberCookie } from '../../sso/own-session.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { goTo, isProgram, succeed, tell } from '../envelope.ts'
import { formExtras, parseForm } from '../form.ts'
import { parameter } from '../middleware/one-value.ts'
import { note } from '../note.ts'
import { signOutPage } from '../pages/sign-out.ts'

/** `GET /signout`: asks, since a link alone must sign nobody out. */
export function showSignOut(desk: Desk): Step {
  return async function showSignOut(ctx) {
    const manifest = desk.manifest.current
    if (ctx.state.session === null) return goTo(ctx, signInAfter(ctx, manifest))
    signOutPage(ctx, { manifest, user: ctx.state.session.record.user })
  }
}

/** `POST /signout`: ends the session at every site, and says so only once the store has confirmed it. */
export function signOut(desk: Desk): Step {
  return async function signOut(ctx) {
    const manifest = desk.manifest.current
    parseForm(ctx, z.strictObject(formExtras(ctx.state.texts)))
    const site = parameter(ctx.query, 'site')
    if (site !== undefined && findSite(manifest, site) === null) {
      throw new CarnetError('unknown_site', 'This site does not take part.')
    }
    const names = cookieNames(manifest.auth)
    const held = readRememberCookie(ctx.headers.cookie, names, desk.signer)
    try {
      for (const sid of verifiedSids(desk.signer, ctx.headers.cookie, names.session)) {
        await desk.sessions.endShown(sid)
        note(desk, ctx, 'session_revoked', { session: sessionHandle(sid) })
      }
      if (held !== null) await desk.sessions.endSeries(held.seriesId)
    } catch (cause) {
      if (!(cause instanceof CarnetError) || cause.status < 500) throw cause
      const text = ctx.state.texts.signOut.unconfirmed
      throw new CarnetError('store_unavailable', text, { localized: true, cause })
    }
    ctx.append('Set-Cookie', dropOwnCookie(names))
    ctx.append('Set-Cookie', dropRememberCookie(names))
    tell(desk, 'signout', { user: ctx.state.session?.record.user ?? null })
    const target = signInAfter(ctx, manifest)
    if (isProgram(ctx)) return succeed(ctx, 'signout success', { returnTo: target })
    goTo(ctx, target)
  }
}

/** The sign-in page, with the way on that was asked for where it leads nowhere else. */
function signInAfter(ctx: Ctx, manifest: Manifest): string {
  const url = new URL(`${manifest.auth}/signin`)
  const site = findSite(manifest, parameter(ctx.query, 'site') ?? '')
  const returnTo = parameter(ctx.query, 'return_to')
  const own = authOrigin(manifest)
  const allowed = [own, ...manifest.sites.flatMap(originsOf)]
  if (site !== null) url.searchParams.set('site', site.id)
  if (returnTo !== undefined && returnTarget(returnTo, site?.origin ?? own, allowed) !== null) {
    url.searchParams.set('return_to', returnTo)
  }
  return url.href
}
