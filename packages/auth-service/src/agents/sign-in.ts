import {
  CarnetError,
  findSite,
  issueTickets,
  newSid,
  originsOf,
  requests,
  type Site,
  type SiteSignedIn,
  sessionHandle,
} from '@carnet/protocol'
import type { Account } from '../accounts/user-row.ts'
import { planFanOut } from '../sso/fan-out.ts'
import type { Ctx, Desk, Step } from '../web/context.ts'
import { authenticate, signInForm, tellOfDevice } from '../web/credentials.ts'
import { succeed, tell } from '../web/envelope.ts'
import { parseForm } from '../web/form.ts'
import { deviceValue } from '../web/known-device.ts'
import { note, typedEmail } from '../web/note.ts'
import { parseBody, siteOf } from './asked.ts'

// Sites that one trusts with passwords (`signInForm`) pass them on, with the client that gave them.

/** `POST /v1/signin`: a sign-in at a site's own form, under the limits and in the audit log of any other. */
export function signInAtSite(desk: Desk): Step {
  return async function signInAtSite(ctx) {
    const site = trusted(ctx)
    const asked = parseBody(ctx, requests.signIn)
    if (!originsOf(site).includes(asked.origin)) {
      throw new CarnetError('invalid_input', '"origin" is none of this site.')
    }
    ctx.state.client = asked.client
    ctx.state.device = asked.device
    ctx.req.headers['user-agent'] = asked.userAgentHeader
    ctx.request.body = asked.fields
    try {
      const form = parseForm(ctx, signInForm(ctx.state.texts))
      await desk.store.ping()
      const { account, isNewDevice } = await authenticate(desk, ctx, form)
      const { state, origin } = asked
      const next = new URLSearchParams({ site: site.id, origin, return_to: form.return_to || '/' })
      const signedIn = await begin(desk, ctx, account, { site, state, remember: form.remember })
      succeed(ctx, 'signin success', {
        ...signedIn,
        next: `${desk.manifest.current.auth}/takeover?${next}`,
        device: deviceValue(desk, ctx, account),
      } satisfies SiteSignedIn)
      tell(desk, 'signin', { user: account.user })
      if (isNewDevice) await tellOfDevice(desk, ctx, account)
    } catch (error) {
      if (!(error instanceof CarnetError)) throw error
      note(desk, ctx, 'signin_refused', { outcome: error.code, site: site.id, ...typedEmail(ctx) })
      throw error
    }
  }
}

/** `POST /v1/tickets`: a ticket by which the auth service itself takes over a session that was begun at a site's form. */
export function issueForTakeover(desk: Desk): Step {
  return async function issueForTakeover(ctx) {
    const site = trusted(ctx)
    const { sid, state, client } = parseBody(ctx, requests.ticket)
    const [[isBegunThere], session] = await Promise.all([
      desk.store.admitted([sid], formOf(site)),
      desk.store.read(sid),
    ])
    if (isBegunThere !== true || session === null)
      throw new CarnetError('session_gone', 'This session has ended.')
    const { ttl } = desk.manifest.current.ticket
    const [ticket = ''] = await issueTickets(desk.store, sid, client, [{ site: 'auth', ttl, state }])
    succeed(ctx, 'issued', { ticket })
  }
}

async function begin(
  desk: Desk,
  ctx: Ctx,
  account: Account,
  { site, state, remember }: { site: Site; state: string; remember: boolean },
): Promise<Pick<SiteSignedIn, 'ownTicket' | 'ticket' | 'fanOut'>> {
  const manifest = desk.manifest.current
  const { client } = ctx.state
  const sid = newSid()
  const life = manifest.session.remember
  // Its token is the auth service's own cookie, which a browser can be given only there.
  const series = remember
    ? await desk.remembering.beginUnheld(
        { id: account.user.id, epoch: account.epoch },
        { sid, life, authenticatedAt: desk.store.now() },
      )
    : null
  try {
    await desk.sessions.begin(account, {
      sid,
      client,
      userAgentHeader: ctx.get('User-Agent'),
      series: series === null ? null : { id: series.seriesId, expiresAt: series.expiresAt },
    })
    const own = { site: site.id, ttl: site.ticket.ttl, state }
    const [ownTicket = ''] = await issueTickets(desk.store, sid, client, [own])
    const { ticket, pixels } = await planFanOut(desk.store, manifest, sid, client, site)
    const until = Math.max(desk.store.now() + manifest.session.absolute, series?.expiresAt ?? 0)
    await Promise.all([site.id, formOf(site)].map(each => desk.store.admit(sid, each, until)))
    desk.sessions.noteSite(sid, site.id).catch(() => {})
    const session = sessionHandle(sid)
    desk.log.info({ user: account.user.id, session, site: site.id, remembered: remember }, 'session_started')
    note(desk, ctx, 'signin', { user: account.user.id, session, site: site.id })
    // A pull goes by the auth service, where this browser has no session yet.
    const pushed = pixels.filter(({ site: id }) => findSite(manifest, id)?.fanOut === 'push')
    return { ownTicket, ticket, fanOut: pushed }
  } catch (error) {
    await desk.sessions.endShown(sid).catch(() => {})
    if (series !== null) await desk.remembering.end(series.seriesId).catch(() => {})
    throw error
  }
}

/**
 * Under which name a session counts as begun at the site's own form; no site's id has a slash. A site that was merely
 * entered must not be able to open the auth service, and with it every other site, for whoever comes by.
 */
function formOf({ id }: Site): string {
  return `${id}/form`
}

function trusted(ctx: Ctx): Site {
  const site = siteOf(ctx)
  if (site.signInForm) return site
  throw new CarnetError('forbidden', 'This site may not take passwords: its `signInForm` is false.')
}
