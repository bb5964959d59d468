import {
  CarnetError,
  isSid,
  requests,
  revokeSession,
  type SessionRecord,
  siteOfTicket,
} from '@carnet/protocol'
import type { Ctx, Desk, Step } from '../web/context.ts'
import { succeed } from '../web/envelope.ts'
import { parseBody, siteOf } from './asked.ts'
import type { Feed } from './feed.ts'

// The store's verbs for agents that reach no Redis. A site may read, touch and revoke only sessions that were taken to it.

/** `GET /v1/time`: the store's clock. */
export function time(desk: Desk): Step {
  return async function time(ctx) {
    await desk.store.ping()
    succeed(ctx, 'time', { now: desk.store.now() })
  }
}

/** `POST /v1/tickets/redeem`: burns a ticket, whosever it is; one of the site's own gives its record and session. */
export function redeem(desk: Desk): Step {
  return async function redeem(ctx) {
    const { ticket } = parseBody(ctx, requests.redeem)
    const { id } = siteOf(ctx)
    const unknown = () => new CarnetError('ticket_unknown', 'This ticket is unknown, expired or used.')
    const site = siteOfTicket(ticket)
    if (site === null) throw unknown()
    if (site !== id) {
      if (!(await desk.store.burn(ticket))) throw unknown()
      throw new CarnetError('ticket_wrong_site', 'This ticket is for another site.')
    }
    const burnt = await desk.store.redeem(ticket)
    if (burnt === null) throw unknown()
    if (burnt.session !== null) await admit(desk, burnt.record.sid, id, burnt.session)
    succeed(ctx, 'redeemed', burnt)
  }
}

/** `GET /v1/sessions/:sid`. */
export function read(desk: Desk): Step {
  return async function read(ctx) {
    const sid = sidOf(ctx)
    const [session, [isAdmitted]] = await Promise.all([
      desk.store.read(sid),
      desk.store.admitted([sid], siteOf(ctx).id),
    ])
    if (session === null || isAdmitted !== true) throw gone()
    succeed(ctx, 'live', session)
  }
}

/** `POST /v1/sessions/touch`: moves idle ends, not further than the manifest's idle time. */
export function touch(desk: Desk): Step {
  return async function touch(ctx) {
    const { touches } = parseBody(ctx, requests.touch)
    const sids = touches.map(({ sid }) => sid)
    const isAdmitted = await desk.store.admitted(sids, siteOf(ctx).id)
    const longest = desk.store.now() + desk.manifest.current.session.idle
    const mine = touches.filter((_, index) => isAdmitted[index])
    const moved = await desk.store.touch(
      mine.map(({ sid, until }) => ({ sid, until: Math.min(until, longest) })),
    )
    const live = new Set(mine.filter((_, index) => moved[index]).map(({ sid }) => sid))
    succeed(ctx, 'touched', { live: sids.map(sid => live.has(sid)) })
  }
}

/** `DELETE /v1/sessions/:sid`: ends it at every site. */
export function revoke(desk: Desk): Step {
  return async function revoke(ctx) {
    const sid = sidOf(ctx)
    const [isAdmitted] = await desk.store.admitted([sid], siteOf(ctx).id)
    if (isAdmitted !== true) return succeed(ctx, 'gone', { ended: false })
    const { remember } = desk.manifest.current.session
    succeed(ctx, 'revoked', { ended: await revokeSession(desk.store, sid, { remember }) })
  }
}

/** `POST /v1/reports`: what happened at the site, for the audit log. */
export function report(desk: Desk): Step {
  return async function report(ctx) {
    const { reports } = parseBody(ctx, requests.reports)
    if (reports.length > 0) await desk.store.report(siteOf(ctx).id, reports)
    succeed(ctx, 'reported', {})
  }
}

/** `GET /v1/revocations`: what is to be forgotten, as it happens. */
export function revocations(feed: Feed): Step {
  return async function revocations(ctx) {
    const stream = feed.open(siteOf(ctx).id, ctx.get('Last-Event-ID') || undefined)
    ctx.type = 'text/event-stream'
    // nginx would hold it back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
    ctx.set('X-Accel-Buffering', 'no')
    ctx.body = stream
  }
}

/** Keeps in mind that a session is this site's to see: as long as it may live, or its browser come back. */
async function admit(desk: Desk, sid: string, site: string, session: SessionRecord): Promise<void> {
  await desk.store.admit(sid, site, Math.max(session.expiresAt, session.rememberedUntil))
}

/** Nothing is said of a session that is another site's. */
function sidOf(ctx: Ctx): string {
  const { sid } = (ctx as Ctx & { params: { sid?: string } }).params
  if (sid === undefined || !isSid(sid)) throw gone()
  return sid
}

function gone(): CarnetError {
  return new CarnetError('not_found', 'There is no such session.')
}
