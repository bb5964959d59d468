import { CarnetError, findSite, isFresh, issueTickets, originsOf, type Site } from '@carnet/protocol'
import type { Desk, Step } from '../context.ts'
import { parameter } from '../middleware/one-value.ts'

const STATE = /^[\w~.-]{1,128}$/

/** `GET /authorize`: sends who is signed in back to the site with a ticket, and the others to the sign-in page. */
export function authorize(desk: Desk): Step {
  return async function authorize(ctx) {
    const manifest = desk.manifest.current
    const site = findSite(manifest, parameter(ctx.query, 'site') ?? '')
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
    const maxAge = parseMaxAge(parameter(ctx.query, 'max_age'))
    const back = new URL(
      pixel ? '/api/auth.gif' : '/api/auth',
      originFor(site, parameter(ctx.query, 'origin')),
    )
    const { session } = ctx.state

    if (session !== null && (maxAge === null || isFresh(session.record, maxAge, desk.store.now()))) {
      const request = { site: site.id, ttl: site.ticket.ttl, state }
      const [ticket = ''] = await issueTickets(desk.store, session.sid, ctx.state.client, [request])
      // For the person's list of devices; nobody waits for it.
      desk.sessions.noteSite(session.sid, site.id).catch(() => {})
      back.search = new URLSearchParams({ ticket, state }).toString()
    } else if (pixel || parameter(ctx.query, 'prompt') === 'none') {
      back.search = new URLSearchParams({ error: 'signed_out', state }).toString()
    } else {
      const query = new URLSearchParams({ site: site.id, return_to: ctx.url })
      if (maxAge !== null) query.set('max_age', String(maxAge))
      back.href = `${manifest.auth}/signin?${query}`
    }
    ctx.set('Referrer-Policy', 'no-referrer')
    ctx.status = pixel ? 302 : 303
    ctx.set('Location', back.href)
    ctx.body = ''
  }
}

/** Seconds of `max_age`, null where it is absent. Throws `invalid_input`. */
export function parseMaxAge(value: string | undefined): number | null {
  if (value === undefined) return null
  if (!/^\d{1,8}$/.test(value))
    throw new CarnetError('invalid_input', '"max_age" must be a number of seconds.')
  return Number(value)
}

/** The site's origin to come back to: its first, or the one of its aliases that the agent names. */
function originFor(site: Site, asked: string | undefined): string {
  if (asked === undefined) return site.origin
  if (originsOf(site).includes(asked)) return asked
  throw new CarnetError('invalid_input', '"origin" is none of this site.')
}
