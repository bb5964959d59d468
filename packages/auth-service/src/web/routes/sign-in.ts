import {
  CarnetError,
  cookieNames,
  findSite,
  type Manifest,
  revokeSession,
  type Site,
  sessionHandle,
  startSession,
} from '@carnet/protocol'
import { z } from 'zod'
import { LONGEST_PASSWORD } from '../../accounts/passwords.ts'
import { type FanOutPlan, planFanOut } from '../../sso/fan-out.ts'
import { ownCookie } from '../../sso/own-session.ts'
import { nextUrl } from '../../sso/return-to.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { isProgram, succeed } from '../envelope.ts'
import { parameter } from '../middleware/one-value.ts'
import { fanOutPage } from '../pages/fan-out.ts'
import { signInPage } from '../pages/sign-in.ts'
import { isFresh, parseMaxAge } from './authorize.ts'

/** `GET /signin`: the page, or on at once for who is signed in. */
export function showSignIn(desk: Desk): Step {
  return async function showSignIn(ctx) {
    const manifest = desk.manifest.current
    const site = askedSite(manifest, parameter(ctx.query, 'site'))
    const maxAge = parseMaxAge(parameter(ctx.query, 'max_age'))
    const { session } = ctx.state
    const flash = ctx.session?.flash ?? null
    // After a failed try the page must show, or who is signed in could not read why.
    if (session !== null && flash === null && isFresh(session, maxAge, desk.store.now())) {
      ctx.status = 303
      ctx.set('Location', nextUrl(manifest, site, parameter(ctx.query, 'return_to')))
      ctx.body = ''
      return
    }
    if (ctx.session !== null) delete ctx.session.flash
    signInPage(ctx, { manifest, site, flash, again: session?.record.user.email ?? null })
  }
}

/** `POST /signin`: signs in, and gives the page what it needs for the fan-out. */
export function signIn(desk: Desk): Step {
  return async function signIn(ctx) {
    const manifest = desk.manifest.current
    const siteInQuery = parameter(ctx.query, 'site')
    try {
      const form = parseForm(ctx.request.body)
      const site = askedSite(manifest, form.site || siteInQuery)
      // Before the costly hash: without the store nobody can be signed in.
      await desk.store.ping()
      const user = await desk.users.authenticate(form.email, form.password)
      const { sid } = await startSession(desk.store, user, manifest.session)
      const plan = await replaceSession(desk, ctx, sid, site)
      desk.log.info(
        { user: user.id, session: sessionHandle(sid), pixels: plan.pixels.length },
        'session_started',
      )
      ctx.append('Set-Cookie', ownCookie(cookieNames(manifest.auth), desk.signer, sid))
      const returnTo = nextUrl(manifest, site, form.return_to || parameter(ctx.query, 'return_to'))
      if (!isProgram(ctx)) return fanOutPage(ctx, { manifest, site, pixels: plan.pixels, next: returnTo })
      succeed(ctx, 'signin success', { user, ticket: plan.ticket, fanOut: plan.pixels, returnTo })
    } catch (error) {
      if (!(error instanceof CarnetError)) throw error
      desk.log.info({ code: error.code }, 'signin_refused')
      if (isProgram(ctx) || !backToForm(ctx, error)) throw error
    }
  }
}

/** Plans the fan-out and ends the session that the browser had; should either fail, the new one ends instead. */
async function replaceSession(desk: Desk, ctx: Ctx, sid: string, site: Site | null): Promise<FanOutPlan> {
  try {
    const plan = await planFanOut(desk.store, desk.manifest.current, sid, ctx.state.client, site)
    if (ctx.state.session !== null) await revokeSession(desk.store, ctx.state.session.sid)
    return plan
  } catch (error) {
    await revokeSession(desk.store, sid).catch(() => {})
    throw error
  }
}

/** Back to the form with what was typed and what was wrong. False where the fault is none that the form could mend. */
function backToForm(ctx: Ctx, error: CarnetError): boolean {
  const faulty = Object.keys(error.fields ?? {})
  const mendable =
    error.code === 'invalid_credentials' ||
    (error.code === 'invalid_input' && faulty.length > 0 && faulty.every(name => MISSING[name] !== undefined))
  if (!mendable || ctx.session === null) return false
  const { email } = ctx.request.body as { email?: unknown }
  ctx.session.flash = {
    message: error.message,
    fields: error.fields ?? {},
    email: typeof email === 'string' ? email.slice(0, 254) : '',
  }
  ctx.status = 303
  ctx.set('Location', `/signin${ctx.search}`)
  ctx.body = ''
  return true
}

const text = (longest: number) => z.string().max(longest, `This may have ${longest} characters at most.`)

const form = z.strictObject({
  email: text(320).min(1, 'Give your e-mail address.'),
  password: text(LONGEST_PASSWORD).min(1, 'Give your password.'),
  // Taken for the wire's sake: no session outlives its absolute end yet, remembered or not.
  remember: z.union([z.boolean(), z.enum(['on', 'true', 'false', '1', '0', ''])]).nullish(),
  site: text(64).nullish(),
  return_to: text(4096).nullish(),
  form_token: text(64).nullish(),
})

function parseForm(body: unknown): z.output<typeof form> {
  const parsed = form.safeParse(body ?? {})
  if (parsed.success) return parsed.data
  const fields: Record<string, string> = {}
  for (const issue of parsed.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      const unknown = issue.keys.map(key => key.slice(0, 32))
      const each = Object.fromEntries(unknown.map(key => [key, 'This field is unknown.']))
      throw new CarnetError('invalid_input', `Unknown field: ${unknown.join(', ')}.`, { fields: each })
    }
    const name = String(issue.path[0] ?? 'email')
    fields[name] ??= issue.code === 'too_big' ? issue.message : (MISSING[name] ?? issue.message)
  }
  throw new CarnetError('invalid_input', 'Some fields are missing or faulty.', { fields })
}

const MISSING: Record<string, string> = {
  email: 'Give your e-mail address.',
  password: 'Give your password.',
}

function askedSite(manifest: Manifest, id: string | undefined): Site | null {
  if (id === undefined) return null
  const site = findSite(manifest, id)
  if (site === null) throw new CarnetError('unknown_site', 'This site does not take part.')
  return site
}
