import { CarnetError } from '@carnet/protocol'
import { z } from 'zod'
import { normalizeEmail } from '../accounts/email.ts'
import type { Account } from '../accounts/user-row.ts'
import type { Texts } from '../texts/en.ts'
import type { Ctx, Desk } from './context.ts'
import { checkbox, formExtras, passwordField } from './form.ts'
import { guesserOf } from './known-device.ts'
import { mailDetails, whereOf } from './mails.ts'

/** The fields of a sign-in, checked. */
export interface SignInFields {
  readonly email: string
  readonly password: string
  readonly remember: boolean
  readonly site?: string | null | undefined
  readonly return_to?: string | null | undefined
  readonly form_token?: string | null | undefined
}

/** What signs in. */
export function signInForm(texts: Texts): z.ZodType<SignInFields> {
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

/** Whose credentials these are, under the limits. Throws `invalid_credentials`, `rate_limited` and `store_unavailable`. */
export async function authenticate(
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
export async function tellOfDevice(desk: Desk, ctx: Ctx, { user }: Account): Promise<void> {
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
