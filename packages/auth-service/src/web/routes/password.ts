import { CarnetError } from '@carnet/protocol'
import { z } from 'zod'
import type { MailToken } from '../../accounts/mail-tokens.ts'
import type { Account } from '../../accounts/user-row.ts'
import type { Texts } from '../../texts/en.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { goTo, isProgram, succeed } from '../envelope.ts'
import { backToForm, emailField, flash, optionalText, parseForm, takeFlash } from '../form.ts'
import { count } from '../known-device.ts'
import { mailDetails, putLimited } from '../mails.ts'
import { parameter } from '../middleware/one-value.ts'
import { checkNewPassword, replacePassword } from '../new-password.ts'
import { note } from '../note.ts'
import { noticePage } from '../pages/notice.ts'
import { forgotPage, newPasswordPage } from '../pages/password.ts'
import { refuseVoidLink } from '../void-link.ts'

/** `GET /password/forgot` */
export function showForgot(desk: Desk): Step {
  return async function showForgot(ctx) {
    refuseElsewhere(desk, ctx)
    const email = ctx.state.session?.record.user.email ?? ''
    forgotPage(ctx, { flash: takeFlash(ctx, '/password/forgot'), email })
  }
}

/** `POST /password/forgot`: sends the link, and tells nobody whether there is such an account. */
export function forgot(desk: Desk): Step {
  return async function forgot(ctx) {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    try {
      const form = parseForm(
        ctx,
        z.strictObject({ email: emailField(texts), form_token: optionalText(texts, 64) }),
      )
      await count(desk, ctx, 'mail')
      const account = await desk.users.find({ email: form.email })
      const known = account !== null && !account.disabled
      await putLimited(desk, {
        kind: known ? 'reset' : 'nothing',
        address: form.email,
        userId: known ? account.user.id : null,
        details: mailDetails(desk, ctx, { insteadOf: 'reset' }),
      })
      note(desk, ctx, 'password_reset_asked', { email: form.email })
    } catch (error) {
      const page = '/password/forgot'
      if (!(error instanceof CarnetError) || isProgram(ctx) || !backToForm(ctx, page, error)) throw error
      return
    }
    if (isProgram(ctx)) return succeed(ctx, texts.forgot.sent, {})
    noticePage(ctx, { title: texts.forgot.sentTitle, text: texts.forgot.sent, languages: false })
  }
}

/** `GET /password/reset?token=` */
export function showReset(desk: Desk): Step {
  return async function showReset(ctx) {
    refuseElsewhere(desk, ctx)
    const token = parameter(ctx.query, 'token') ?? ''
    const link = await readLink(desk, token)
    if (link === null) return refuseVoid(ctx)
    const { minLength } = desk.manifest.current.accounts.password
    const { email } = link.account.user
    newPasswordPage(ctx, { token, email, notMe: false, minLength, flash: takeFlash(ctx, '/password/reset') })
  }
}

/** `POST /password/reset`: sets the password and signs out everywhere. It signs nobody in. */
export function reset(desk: Desk): Step {
  return async function reset(ctx) {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    const form = parseForm(ctx, resetForm(texts))
    await count(desk, ctx, 'verify')
    const link = await readLink(desk, form.token)
    if (link === null) return refuseVoid(ctx)
    const { user } = link.account
    try {
      const person = [user.name, user.email]
      await checkNewPassword(desk, ctx, { ...form, person })
    } catch (error) {
      ctx.search = `?${new URLSearchParams({ token: form.token })}`
      if (!(error instanceof CarnetError) || isProgram(ctx) || !backToForm(ctx, '/password/reset', error))
        throw error
      return
    }
    if (!(await desk.tokens.spend(link.token))) return refuseVoid(ctx)
    // The link's own epoch is the account's: `readLink` saw to that.
    if (!(await replacePassword(desk, ctx, link.account, form.password))) return refuseVoid(ctx)
    // Who read the mail has the address.
    if (!user.emailVerified) await desk.users.change(user.id, { emailVerified: true })
    if (isProgram(ctx)) return succeed(ctx, 'password reset', {})
    flash(ctx, {
      page: '/signin',
      message: texts.reset.done,
      good: true,
      fields: {},
      values: { email: user.email },
    })
    goTo(ctx, '/signin')
  }
}

async function readLink(desk: Desk, value: string): Promise<{ token: MailToken; account: Account } | null> {
  const token = await desk.tokens.read(['reset-password'], value)
  const account = token === null ? null : await desk.users.find({ id: token.userId })
  if (token === null || account === null || account.disabled) return null
  return account.epoch === token.epoch && account.user.email === token.email ? { token, account } : null
}

function resetForm(texts: Texts) {
  return z.strictObject({
    token: z.string({ error: texts.verify.void }),
    // However short or long: what is wrong with it is told beside the field, on the page of the link.
    password: z.string({ error: texts.faults.newPasswordMissing }),
    passwordAgain: z.string({ error: texts.faults.passwordAgain }),
    form_token: optionalText(texts, 64),
  })
}

function refuseVoid(ctx: Ctx): void {
  refuseVoidLink(ctx, { label: ctx.state.texts.forgot.title, href: '/password/forgot' })
}
