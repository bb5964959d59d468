import { CarnetError } from '@carnet/protocol'
import { z } from 'zod'
import type { MailToken } from '../../accounts/mail-tokens.ts'
import { removeUser } from '../../accounts/remove-user.ts'
import type { Account } from '../../accounts/user-row.ts'
import type { Texts } from '../../texts/en.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { goTo, isProgram, succeed } from '../envelope.ts'
import {
  backToForm,
  checkbox,
  emailField,
  flash,
  optionalText,
  parseForm,
  searchOf,
  takeFlash,
} from '../form.ts'
import { count, guesserOf } from '../known-device.ts'
import { mailDetails, putLimited, whereOf } from '../mails.ts'
import { parameter } from '../middleware/one-value.ts'
import { note } from '../note.ts'
import { noticePage } from '../pages/notice.ts'
import { verifyPage, waitPage } from '../pages/verify-email.ts'
import { refuseVoidLink } from '../void-link.ts'

const PAGE = '/verify-email'

/** `GET /verify-email?token=`: asks whether to confirm; without a token, offers another mail. */
export function showVerify(desk: Desk): Step {
  return async function showVerify(ctx) {
    refuseElsewhere(desk, ctx)
    const token = parameter(ctx.query, 'token')
    const said = takeFlash(ctx, PAGE)
    const user = ctx.state.session?.record.user ?? null
    if (token === undefined) {
      const { verify, account } = ctx.state.texts
      if (user?.emailVerified === true) {
        const on = { label: account.start, href: '/' }
        return noticePage(ctx, { title: verify.doneTitle, text: verify.verified(user.email), on })
      }
      return waitPage(ctx, { email: user?.email ?? null, flash: said })
    }
    const link = await readLink(desk, token)
    if (link === null) return refuseVoid(ctx)
    const { email, purpose } = link.token
    const own = user?.id === link.account.user.id
    verifyPage(ctx, { token, email, own, change: purpose === 'change-email', flash: said })
  }
}

/** `POST /verify-email`: confirms the address, or hears that it was somebody else. */
export function verifyEmail(desk: Desk): Step {
  return async function verifyEmail(ctx) {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    const form = parseForm(ctx, verifyForm(texts))
    await count(desk, ctx, 'verify')
    const link = await readLink(desk, form.token)
    if (link === null) return refuseVoid(ctx)
    if (form.deny) return deny(desk, ctx, link)
    try {
      const own = ctx.state.session?.record.user.id === link.account.user.id
      if (!own) await checkPassword(desk, ctx, link.account, form.password ?? '')
      if (!(await desk.tokens.spend(link.token))) return refuseVoid(ctx)
      await confirm(desk, ctx, link)
    } catch (error) {
      // Back with the token in the address, as the mail's link had it.
      ctx.search = `?${new URLSearchParams({ token: form.token })}`
      if (isTakenInPrivate(desk, error)) return refuseVoid(ctx)
      if (!(error instanceof CarnetError) || isProgram(ctx) || !backToForm(ctx, PAGE, error)) throw error
    }
  }
}

/** `POST /verify-email/resend`: sends the mail again, and tells nobody whether there is such an account. */
export function resendVerify(desk: Desk): Step {
  return async function resendVerify(ctx) {
    refuseElsewhere(desk, ctx)
    const { session, texts } = ctx.state
    try {
      const form = parseForm(ctx, resendForm(texts, session !== null))
      const address = form.email ?? session?.record.user.email ?? ''
      await count(desk, ctx, 'mail')
      const account = await desk.users.find({ email: address })
      const waits = account !== null && !account.user.emailVerified && !account.disabled
      await putLimited(desk, {
        kind: waits ? 'verify' : 'nothing',
        address,
        userId: waits ? account.user.id : null,
        details: mailDetails(desk, ctx, { insteadOf: 'verify' }),
      })
    } catch (error) {
      if (!(error instanceof CarnetError) || isProgram(ctx) || !backToForm(ctx, PAGE, error)) throw error
      return
    }
    if (isProgram(ctx)) return succeed(ctx, texts.verify.resent, {})
    flash(ctx, { page: PAGE, message: texts.verify.resent, good: true, fields: {}, values: {} })
    goTo(ctx, PAGE + searchOf(ctx))
  }
}

interface Link {
  readonly token: MailToken
  readonly account: Account
}

/** The link's token and account; null where either has changed since it was mailed. */
async function readLink(desk: Desk, value: string): Promise<Link | null> {
  const token = await desk.tokens.read(['verify-email', 'change-email'], value)
  const account = token === null ? null : await desk.users.find({ id: token.userId })
  if (token === null || account === null || account.disabled || account.epoch !== token.epoch) return null
  const { email, emailVerified } = account.user
  const open =
    token.purpose === 'change-email'
      ? desk.tokens.isFrom(token, email) && email !== token.email
      : email === token.email && !emailVerified
  return open ? { token, account } : null
}

// Who signed up with a stranger's address knows the account's password, and the stranger does not.
async function checkPassword(desk: Desk, ctx: Ctx, account: Account, password: string): Promise<void> {
  const { faults } = ctx.state.texts
  if (password === '') {
    throw new CarnetError('invalid_input', faults.some, { fields: { password: faults.passwordMissing } })
  }
  await desk.limits.guess(guesserOf(desk, ctx, account.user.email, account), async () => {
    if (await desk.users.verifyPassword(account.user.id, password)) return
    throw new CarnetError('invalid_credentials', faults.passwordWrong, {
      fields: { password: faults.passwordWrong },
    })
  })
}

/** Nobody is told that an address is taken, where that is private. */
function isTakenInPrivate(desk: Desk, error: unknown): boolean {
  const isPrivate = desk.manifest.current.accounts.signUp === 'private'
  return isPrivate && error instanceof CarnetError && error.code === 'email_taken'
}

async function confirm(desk: Desk, ctx: Ctx, { token, account }: Link): Promise<void> {
  const change = token.purpose === 'change-email'
  const { id, email: before } = account.user
  const changes = { emailVerified: true, ...(change && { email: token.email }) }
  const changed = await desk.users.change(id, changes, { epoch: token.epoch, email: before })
  if (changed === null) return refuseVoid(ctx)
  await desk.sessions.follow({ user: id })
  note(desk, ctx, change ? 'email_changed' : 'email_verified', { user: id })
  if (change) {
    const details = mailDetails(desk, ctx, { ...whereOf(ctx), other: token.email })
    await desk.outbox.put({ kind: 'email-changed', address: before, userId: id, details })
  }
  const { verify, account: words } = ctx.state.texts
  if (isProgram(ctx)) return succeed(ctx, 'email verified', { user: changed?.user ?? null })
  const on = { label: words.start, href: '/' }
  noticePage(ctx, { title: verify.doneTitle, text: verify.done(token.email), on, languages: false })
}

/** The address's owner says that the account is none of theirs: it goes, if nobody ever confirmed it. */
async function deny(desk: Desk, ctx: Ctx, { token, account }: Link): Promise<void> {
  if (!(await desk.tokens.spend(token))) return refuseVoid(ctx)
  const { id } = account.user
  const change = token.purpose === 'change-email'
  if (!change) await removeUser(desk, id)
  note(desk, ctx, change ? 'email_change_denied' : 'user_denied', { user: id })
  const { verify } = ctx.state.texts
  const text = change ? verify.deniedChange : verify.denied
  if (isProgram(ctx)) return succeed(ctx, text, {})
  noticePage(ctx, { title: verify.deniedTitle, text, languages: false })
}

function refuseVoid(ctx: Ctx): void {
  refuseVoidLink(ctx, { label: ctx.state.texts.verify.resend, href: PAGE })
}

function verifyForm(texts: Texts) {
  return z.strictObject({
    token: z.string({ error: texts.verify.void }),
    password: optionalText(texts, 1_024),
    deny: checkbox(texts),
    form_token: optionalText(texts, 64),
  })
}

function resendForm(texts: Texts, signedIn: boolean) {
  return z.strictObject({
    email: signedIn ? emailField(texts).optional() : emailField(texts),
    form_token: optionalText(texts, 64),
  })
}
