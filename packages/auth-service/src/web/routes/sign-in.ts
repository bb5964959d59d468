import { CarnetError, cookieNames, isFresh } from '@carnet/protocol'
import { z } from 'zod'
import { normalizeEmail } from '../../accounts/email.ts'
import type { Account } from '../../accounts/user-row.ts'
import { readRememberCookie } from '../../sso/own-session.ts'
import { nextUrl } from '../../sso/return-to.ts'
import type { Texts } from '../../texts/en.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { askedSite, enter } from '../enter.ts'
import { goTo, isProgram } from '../envelope.ts'
import { backToForm, checkbox, formExtras, parseForm, passwordField, takeFlash } from '../form.ts'
import { guesserOf } from '../known-device.ts'
import { mailDetails, whereOf } from '../mails.ts'
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

function signInForm(texts: Texts) {
  return z.strictObject({
    // Any text: a faulty address is told as an unknown one is.
    email: z
      .string({ error: texts.faults.emailMissing })
      .min(1, texts.faults.emailMissing)
      .max(320, texts.faults.tooLong(320)),
    password: passwordField(texts),
    remember: checkbox(texts),
    ...formExtras(texts),
  })
}

async function authenticate(
  desk: Desk,
  ctx: Ctx,
  { email, password }: { email: string; password: string },
): Promise<{ account: Account; isNewDevice: boolean }> {
  const { errors } = ctx.state.texts
  const isPrivate = desk.manifest.current.accounts.signUp === 'private'
  const wrong = () =>
    new CarnetError('invalid_credentials', isPrivate ? errors.unconfirmed : errors.invalid_credentials)
  // What is no address is nobody's: PostgreSQL refuses to look for a NUL.
  const address = normalizeEmail(email)
  const found = address === null ? null : await desk.users.find({ email: address })
  const guesser = guesserOf(desk, ctx, email, found)
  let account: Account
  try {
    account = await desk.limits.guess(guesser, async () => {
      const account = await desk.users.authenticate(email, password)
      // Who opened an account with somebody else's address could tell by this whether it was taken: it is no right
      // password, and counts as a wrong one.
      if (isPrivate && !account.user.emailVerified) throw wrong()
      return account
    })
  } catch (error) {
    throw error instanceof CarnetError && error.code === 'invalid_credentials' ? wrong() : error
  }
  // The backend may have told of a change.
  if (desk.manifest.current.accounts.credentials !== null)
    await desk.sessions.follow({ user: account.user.id })
  return { account, isNewDevice: guesser.device === null }
}

/** Tells the owner of a sign-in on a device that he has not used before, unless the address may be a stranger's. */
async function tellOfDevice(desk: Desk, ctx: Ctx, { user }: Account): Promise<void> {
  if (!user.emailVerified) return
  const mail = {
    kind: 'new-device',
    address: user.email,
    userId: user.id,
    details: mailDetails(desk, ctx, { ...whereOf(ctx), limited: true }),
  } as const
  // Who signs in waits for no mail, and is in without one.
  desk.outbox.put(mail).catch(error => desk.log.warn({ err: error as Error }, 'mail_not_put'))
}

function isRemembered(desk: Desk, ctx: Ctx): boolean {
  const names = cookieNames(desk.manifest.current.auth)
  return readRememberCookie(ctx.headers.cookie, names, desk.signer) !== null
}
