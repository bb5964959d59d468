import {
  CarnetError,
  findSite,
  isFresh,
  issueTickets,
  originsOf,
  type Site,
  sessionHandle,
  type User,
} from '@carnet/protocol'
import { z } from 'zod'
import { tokenField } from '../account-form.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { goTo, isProgram, succeed } from '../envelope.ts'
import { parseForm } from '../form.ts'
import { parameter } from '../middleware/one-value.ts'
import { note } from '../note.ts'
import { consentPage } from '../pages/consent.ts'
import { fanOutPage } from '../pages/fan-out.ts'

const STATE = /^[\w~.-]{1,128}$/

/** What a site's agent asks for. */
interface Bounce {
  readonly site: Site
  readonly state: string
  /** Whether it comes by an image. */
  readonly pixel: boolean
  /** Whether nothing may be asked of the person. */
  readonly silent: boolean
  /** Seconds; null where the password may be older. */
  readonly maxAge: number | null
  /** Where it goes back to: a path of the site, without a query. */
  readonly back: string
}

/**
 * `GET /authorize`: sends who is signed in back to the site with a ticket, and the others to the sign-in page. Where the
 * site is to be asked about, that comes first.
 */
export function authorize(desk: Desk): Step {
  return async function authorize(ctx) {
    const bounce = readBounce(desk, ctx)
    const { site, state, silent, maxAge } = bounce
    const { session } = ctx.state
    if (session === null || (maxAge !== null && !isFresh(session.record, maxAge, desk.store.now()))) {
      if (silent) return sendBack(ctx, bounce, { error: 'signed_out', state })
      return sendToSignIn(desk, ctx, bounce)
    }
    if (site.ask && !(await desk.sessions.wasTakenTo(session.sid, site.id))) {
      if (silent) return sendBack(ctx, bounce, { error: 'signed_out', state })
      return askConsent(desk, ctx, bounce, session.record.user)
    }
    const request = { site: site.id, ttl: site.ticket.ttl, state }
    const [ticket = ''] = await issueTickets(desk.store, session.sid, ctx.state.client, [request])
    // For the person's list of devices; nobody waits for it.
    desk.sessions.noteSite(session.sid, site.id).catch(() => {})
    sendBack(ctx, bounce, { ticket, state })
  }
}

/** `POST /authorize` `user`: who is signed in lets the site know, for as long as this session lasts. */
export function consent(desk: Desk): Step {
  return async function consent(ctx) {
    const bounce = readBounce(desk, ctx)
    const { site } = bounce
    const { session, texts } = ctx.state
    const fields = { user: z.string({ error: texts.faults.value }), ...tokenField(ctx) }
    const { user } = parseForm(ctx, z.strictObject(fields))
    // What was said on a page that showed somebody else counts for nobody.
    const consents = session !== null && session.record.user.id === user
    if (consents) {
      await desk.sessions.noteSite(session.sid, site.id)
      note(desk, ctx, 'site_allowed', { user, site: site.id, session: sessionHandle(session.sid) })
    }
    const next = addressOf(desk.manifest.current.auth, bounce)
    if (isProgram(ctx)) {
      if (!consents) throw new CarnetError('signed_out', texts.errors.signed_out)
      return succeed(ctx, 'site allowed', { returnTo: next })
    }
    if (!consents) return goTo(ctx, next)
    // To another origin a form's answer may not redirect (CSP form-action).
    fanOutPage(ctx, { manifest: desk.manifest.current, site, pixels: [], next })
  }
}

/** Seconds of `max_age`, null where it is absent. Throws `invalid_input`. */
export function parseMaxAge(value: string | undefined): number | null {
  if (value === undefined) return null
  if (!/^\d{1,8}$/.test(value))
    throw new CarnetError('invalid_input', '"max_age" must be a number of seconds.')
  return Number(value)
}

/** Reads the query. Throws `unknown_site` and `invalid_input`. */
function readBounce(desk: Desk, ctx: Ctx): Bounce {
  const site = findSite(desk.manifest.current, parameter(ctx.query, 'site') ?? '')
  if (site === null) throw new CarnetError('unknown_site', 'This site does not take part.')
  const state = parameter(ctx.query, 'state')
  if (state === undefined)
    throw new CarnetError('invalid_input', '"state" is missing: start at the site itself.')
  if (!STATE.test(state)) throw new CarnetError('invalid_input', '"state" is not one that an agent makes.')
  const mode = parameter(ctx.query, 'mode')
  const pixel = mode === 'pixel'
  if ((mode !== undefined && !pixel) || (pixel && site.fanOut !== 'pull')) {
    throw new CarnetError('invalid_input', 'This "mode" is not open to this site.')
  }
  return {
    site,
    state,
    pixel,
    silent: pixel || parameter(ctx.query, 'prompt') === 'none',
    maxAge: parseMaxAge(parameter(ctx.query, 'max_age')),
    back: originFor(site, parameter(ctx.query, 'origin')) + (pixel ? '/api/auth.gif' : '/api/auth'),
  }
}

/** The site's origin to come back to: its first, or the one of its aliases that the agent names. */
function originFor(site: Site, asked: string | undefined): string {
  if (asked === undefined) return site.origin
  if (originsOf(site).includes(asked)) return asked
  throw new CarnetError('invalid_input', '"origin" is none of this site.')
}

function sendBack(ctx: Ctx, { back, pixel }: Bounce, query: Record<string, string>): void {
  send(ctx, pixel ? 302 : 303, `${back}?${new URLSearchParams(query)}`)
}

function sendToSignIn(desk: Desk, ctx: Ctx, bounce: Bounce): void {
  const { site, maxAge } = bounce
  const query = new URLSearchParams({ site: site.id, return_to: addressOf(ctx.state.base, bounce) })
  if (maxAge !== null) query.set('max_age', String(maxAge))
  send(ctx, 303, `${desk.manifest.current.auth}/signin?${query}`)
}

function send(ctx: Ctx, status: 302 | 303, location: string): void {
  ctx.set('Referrer-Policy', 'no-referrer')
  ctx.status = status
  ctx.set('Location', location)
  ctx.body = ''
}

function askConsent(desk: Desk, ctx: Ctx, bounce: Bounce, user: User): void {
  const { site, state, back } = bounce
  if (isProgram(ctx)) {
    const { id, name, origin } = site
    succeed(ctx, 'consent needed', { site: { id, name, origin }, user })
    return
  }
  const { auth } = desk.manifest.current
  const query = new URLSearchParams({ site: site.id, return_to: addressOf(auth, bounce) })
  consentPage(ctx, {
    site,
    user,
    notNow: `${back}?${new URLSearchParams({ error: 'signed_out', state })}`,
    another: `${auth}/signout?${query}`,
  })
}

/** The address of this very bounce, with what was read of it and no more: all else would grow each time it is sent on. */
function addressOf(auth: string, { site, state, maxAge, back }: Bounce): string {
  const query = new URLSearchParams({ site: site.id, state })
  if (maxAge !== null) query.set('max_age', String(maxAge))
  const { origin } = new URL(back)
  if (origin !== site.origin) query.set('origin', origin)
  return `${auth}/authorize?${query}`
}
