import {
  authOrigin,
  CarnetError,
  cookieNames,
  findSite,
  type Manifest,
  newSid,
  type Site,
  sessionHandle,
} from '@carnet/protocol'
import type { Remembered } from '../accounts/remember.ts'
import type { Account } from '../accounts/user-row.ts'
import { type FanOutPlan, planFanOut } from '../sso/fan-out.ts'
import { dropRememberCookie, ownCookie, readRememberCookie, rememberCookie } from '../sso/own-session.ts'
import { nextUrl } from '../sso/return-to.ts'
import type { Ctx, Desk } from './context.ts'
import { goTo, isProgram, succeed, tell } from './envelope.ts'
import { deviceCookie } from './known-device.ts'
import { note } from './note.ts'
import { fanOutPage } from './pages/fan-out.ts'

/** How a person enters. */
export interface Entrance {
  readonly site: Site | null
  readonly returnTo: string | undefined
  readonly remember: boolean
  /** What JSON is told. */
  readonly message: string
}

/**
 * Lets in who has proven who that is: a session under a new sid, in place of the one that the browser had, and the
 * page that fans out. Should anything fail, the new session ends and the old one stays.
 */
export async function enter(desk: Desk, ctx: Ctx, account: Account, entrance: Entrance): Promise<void> {
  const manifest = desk.manifest.current
  const { site, remember } = entrance
  const sid = newSid()
  const series = remember
    ? await desk.remembering.begin(
        { id: account.user.id, epoch: account.epoch },
        { sid, life: manifest.session.remember, authenticatedAt: desk.store.now() },
      )
    : null
  const plan = await begin(desk, ctx, account, { sid, series, site })
  // The browser has let go of it by now: should this fail, nothing is lost but a row.
  await endOldSeries(desk, ctx).catch(error =>
    desk.log.warn({ err: error as Error }, 'old_session_not_noted'),
  )
  const { user } = account
  desk.log.info(
    { user: user.id, session: sessionHandle(sid), remembered: remember, pixels: plan.pixels.length },
    'session_started',
  )
  note(desk, ctx, 'signin', { user: user.id, session: sessionHandle(sid), site: site?.id ?? null })
  const names = cookieNames(manifest.auth)
  ctx.append('Set-Cookie', ownCookie(names, desk.signer, sid))
  ctx.append('Set-Cookie', deviceCookie(desk, ctx, account))
  if (series !== null) ctx.append('Set-Cookie', rememberCookie(names, desk.signer, series))
  else if (ctx.headers.cookie?.includes(names.remember)) ctx.append('Set-Cookie', dropRememberCookie(names))
  tell(desk, 'signin', { user })
  const returnTo = nextUrl({ manifest, home: desk.home(ctx.req) }, site, entrance.returnTo)
  const stays = new URL(returnTo).origin === authOrigin(manifest)
  // With nothing to load there is nothing to show. To another origin a form's answer may not redirect (CSP form-action).
  if (!isProgram(ctx) && plan.pixels.length === 0 && stays) return goTo(ctx, returnTo)
  if (!isProgram(ctx)) return fanOutPage(ctx, { manifest, site, pixels: plan.pixels, next: returnTo })
  succeed(ctx, entrance.message, { user, ticket: plan.ticket, fanOut: plan.pixels, returnTo })
}

async function begin(
  desk: Desk,
  ctx: Ctx,
  account: Account,
  { sid, series, site }: { sid: string; series: Remembered | null; site: Site | null },
): Promise<FanOutPlan> {
  try {
    await desk.sessions.begin(account, {
      sid,
      client: ctx.state.client,
      userAgentHeader: ctx.get('User-Agent'),
      series: series === null ? null : { id: series.seriesId, expiresAt: series.expiresAt },
    })
    const plan = await planFanOut(desk.store, desk.manifest.current, sid, ctx.state.client, site)
    if (ctx.state.session !== null) await desk.sessions.endShown(ctx.state.session.sid)
    return plan
  } catch (error) {
    await desk.sessions.endShown(sid).catch(() => {})
    if (series !== null) await desk.remembering.end(series.seriesId).catch(() => {})
    throw error
  }
}

/** What remembered this browser before does so no more. */
export async function endOldSeries(desk: Desk, ctx: Ctx): Promise<void> {
  const names = cookieNames(desk.manifest.current.auth)
  const held = readRememberCookie(ctx.headers.cookie, names, desk.signer)
  if (held !== null) await desk.remembering.end(held.seriesId)
}

/** The site of that id, null where none is named. Throws `unknown_site`. */
export function askedSite(manifest: Manifest, id: string | undefined | null): Site | null {
  if (id === undefined || id === null || id === '') return null
  const site = findSite(manifest, id)
  if (site === null) throw new CarnetError('unknown_site', 'This site does not take part.')
  return site
}
