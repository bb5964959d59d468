import { CarnetError } from '@carnet/protocol'
import { z } from 'zod'
import { accountForm, done, faulty, tokenField } from '../account-form.ts'
import type { Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { emailField, parseForm, takeFlash } from '../form.ts'
import { mailDetails, putLimited, whereOf } from '../mails.ts'
import { note } from '../note.ts'
import { changeEmailPage } from '../pages/account.ts'
import { signedIn } from '../signed-in.ts'

/** `GET /account/email` */
export function showChangeEmail(desk: Desk): Step {
  return async function showChangeEmail(ctx) {
    refuseElsewhere(desk, ctx)
    const who = await signedIn(desk, ctx, { page: '/account/email', fresh: true })
    if (who !== null) changeEmailPage(ctx, { flash: takeFlash(ctx, '/account/email') })
  }
}

/** `POST /account/email` `email`: mails a link to the new address, and a word to the old one. */
export function changeEmail(desk: Desk): Step {
  return accountForm(desk, '/account/email', { fresh: true }, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    const { email } = parseForm(ctx, z.strictObject({ email: emailField(texts), ...tokenField(ctx) }))
    const { id, email: before } = account.user
    if (email === before) throw faulty(ctx, 'email', texts.faults.emailSame)
    const taken = await desk.users.find({ email })
    const isPrivate = desk.manifest.current.accounts.signUp === 'private'
    if (taken !== null && !isPrivate) {
      throw new CarnetError('email_taken', texts.faults.emailTaken, {
        fields: { email: texts.faults.emailTaken },
      })
    }
    const details = mailDetails(desk, ctx, { insteadOf: 'change-email' })
    await putLimited(
      desk,
      taken === null
        ? { kind: 'change-email', address: email, userId: id, details }
        : { kind: 'taken', address: email, userId: taken.user.id, details },
    )
    await desk.outbox.put({
      kind: 'change-asked',
      address: before,
      userId: id,
      details: mailDetails(desk, ctx, { ...whereOf(ctx), other: email }),
    })
    note(desk, ctx, 'email_change_asked', { user: id })
    done(ctx, '/account', texts.account.changeEmailSent, {})
  })
}
