import { CarnetError, cookieNames, isFresh } from '@carnet/protocol'
import { readRememberCookie } from '../../sso/own-session.ts'
import { nextUrl } from '../../sso/return-to.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { authenticate, signInForm, tellOfDevice } from '../credentials.ts'
import { askedSite, enter } from '../enter.ts'
import { goTo, isProgram } from '../envelope.ts'
import { backToForm, parseForm, takeFlash } from '../form.ts'
import { parameter } from '../middleware/one-value.ts'
import { note, typedEmail } from '../note.ts'
import { signInPage } from '../pages/sign-in.ts'
import { parseMaxAge } from './authorize.ts'

/** `GET /signin`: the page, or on at once for who is signed in. */
export function showSignIn(desk: Desk): Step {
  return async function showSignIn(ctx) {
    const manifest = desk.manifest.current
    const site = askedSite(manifest, parameter(ctx.query, 'site'))
    const maxAge = parseMaxAge(parameter(ctx.query, 'max_age'))
    const { session } = ctx.state
    const flash = takeFlash(ctx, '/signin')
    // After a failed try the page must show, or who is signed in could not read why.
    const fresh = session !== null && (maxAge === null || isFresh(session.record, maxAge, desk.store.now()))
    if (fresh && flash === null) {
      return goTo(
        ctx,
        nextUrl({ manifest, home: desk.home(ctx.req) }, site, parameter(ctx.query, 'return_to')),
      )
    }
    signInPage(ctx, {
      manifest,
      site,
      flash,
      again: session?.record.user.email ?? null,
      remembered: isRemembered(desk, ctx),
      description: desk.description,
    })
  }
}

/** `POST /signin`: signs in, and gives the page what it needs for the fan-out. */
export function signIn(desk: Desk): Step {
  return async function signIn(ctx) {
    try {
      const form = parseForm(ctx, signInForm(ctx.state.texts))
      const site = askedSite(desk.manifest.current, form.site || parameter(ctx.query, 'site'))
      // Before the costly hash: without the store nobody can be signed in.
      await desk.store.ping()
      const { account, isNewDevice } = await authenticate(desk, ctx, form)
      await enter(desk, ctx, account, {
        site,
        returnTo: form.return_to || parameter(ctx.query, 'return_to'),
        remember: form.remember,
        message: 'signin success',
      })
      if (isNewDevice) await tellOfDevice(desk, ctx, account)
    } catch (error) {
      if (!(error instanceof CarnetError)) throw error
      note(desk, ctx, 'signin_refused', { outcome: error.code, ...typedEmail(ctx) })
      if (isProgram(ctx) || !backToForm(ctx, '/signin', error)) throw error
    }
  }
}

function isRemembered(desk: Desk, ctx: Ctx): boolean {
  const names = cookieNames(desk.manifest.current.auth)
  return readRememberCookie(ctx.headers.cookie, names, desk.signer) !== null
}
