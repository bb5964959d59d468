import { hash } from 'node:crypto'
import {
  CarnetError,
  cookieNames,
  findSite,
  isSpeculative,
  originsOf,
  redeemTicket,
  type Site,
  sessionHandle,
} from '@carnet/protocol'
import { nanoid } from 'nanoid'
import { dropRememberCookie, ownCookie, rememberCookie } from '../../sso/own-session.ts'
import { nextUrl } from '../../sso/return-to.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { endOldSeries } from '../enter.ts'
import { goTo } from '../envelope.ts'
import { deviceCookie } from '../known-device.ts'
import { parameter } from '../middleware/one-value.ts'
import { note } from '../note.ts'
import { fanOutPage } from '../pages/fan-out.ts'

/**
 * `GET /takeover?site=&origin=&return_to=`: takes over as its own the session that a person has begun at a site's own
 * form. It is a bounce the other way: a nonce of this browser, the site's `/api/handover`, and back with a ticket that
 * is bound to the nonce. What goes wrong leaves the person signed in at the site, and goes on there.
 */
export function takeover(desk: Desk): Step {
  return async function takeover(ctx) {
    if (isSpeculative(ctx.headers)) throw new CarnetError('forbidden', 'Nothing is spent on speculation.')
    ctx.set('Referrer-Policy', 'no-referrer')
    const [ticket, error] = [parameter(ctx.query, 'ticket'), parameter(ctx.query, 'error')]
    if (ticket === undefined && error === undefined) return begin(desk, ctx)
    const state = parameter(ctx.query, 'state') ?? ''
    const kept = ctx.session?.takeover
    if (ctx.session !== null) delete ctx.session.takeover
    if (kept === undefined || hash('sha256', kept.nonce, 'base64url') !== state) return goTo(ctx, '/')
    const site = findSite(desk.manifest.current, kept.site)
    if (site === null || !site.signInForm || ticket === undefined) return goTo(ctx, kept.returnTo)
    await finish(desk, ctx, { site, ticket, state, returnTo: kept.returnTo })
  }
}

function begin(desk: Desk, ctx: Ctx): void {
  const manifest = desk.manifest.current
  const site = findSite(manifest, parameter(ctx.query, 'site') ?? '')
  if (site === null) throw new CarnetError('unknown_site', 'This site does not take part.')
  const origin = parameter(ctx.query, 'origin') ?? site.origin
  if (!site.signInForm || !originsOf(site).includes(origin) || ctx.session === null) {
    throw new CarnetError('forbidden', 'This site takes no passwords.')
  }
  const nonce = nanoid(32)
  const returnTo = nextUrl(
    { manifest, home: desk.home(ctx.req) },
    { ...site, origin },
    parameter(ctx.query, 'return_to'),
  )
  ctx.session.takeover = { nonce, site: site.id, returnTo }
  const state = hash('sha256', nonce, 'base64url')
  goTo(ctx, `${origin}/api/handover?${new URLSearchParams({ state })}`)
}

async function finish(
  desk: Desk,
  ctx: Ctx,
  { site, ticket, state, returnTo }: { site: Site; ticket: string; state: string; returnTo: string },
): Promise<void> {
  const manifest = desk.manifest.current
  try {
    const { sid, session } = await redeemTicket(desk.store, ticket, {
      site: 'auth',
      client: ctx.state.client,
      binding: manifest.ticket.binding,
      state,
      acceptsPushed: false,
    })
    const account = await desk.users.find({ id: session.user.id })
    if (account === null) return goTo(ctx, returnTo)
    const previous = ctx.state.session
    if (previous !== null && previous.sid !== sid) await desk.sessions.endShown(previous.sid)
    const remembered = await desk.remembering.handOut(sid)
    const names = cookieNames(manifest.auth)
    ctx.append('Set-Cookie', ownCookie(names, desk.signer, sid))
    ctx.append('Set-Cookie', deviceCookie(desk, ctx, account))
    // What remembered this browser before does so no more.
    if (remembered !== null || previous?.sid !== sid) {
      await endOldSeries(desk, ctx)
      if (remembered !== null) ctx.append('Set-Cookie', rememberCookie(names, desk.signer, remembered))
      else if (ctx.headers.cookie?.includes(names.remember))
        ctx.append('Set-Cookie', dropRememberCookie(names))
    }
    desk.log.info({ user: account.user.id, session: sessionHandle(sid), site: site.id }, 'session_taken_over')
  } catch (error) {
    if (!(error instanceof CarnetError) || error.status >= 500) throw error
    note(desk, ctx, 'ticket_refused', { outcome: error.code, site: site.id })
    return goTo(ctx, returnTo)
  }
  // From now on pulled pixels find a session here.
  const pulled = manifest.sites.filter(({ id, fanOut }) => fanOut === 'pull' && id !== site.id)
  const pixels = pulled.map(({ id, origin }) => ({ site: id, url: `${origin}/api/auth.gif` }))
  if (pixels.length === 0) return goTo(ctx, returnTo)
  fanOutPage(ctx, { manifest, site, pixels, next: returnTo })
}
