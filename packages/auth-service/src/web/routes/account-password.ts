import { CarnetError } from '@carnet/protocol'
import { z } from 'zod'
import { accountForm, tokenField } from '../account-form.ts'
import type { Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { enter } from '../enter.ts'
import { flash, parseForm, passwordField, takeFlash } from '../form.ts'
import { checkNewPassword, replacePassword } from '../new-password.ts'
import { BECAUSE_NOT_ME, newPasswordPage } from '../pages/password.ts'
import { signedIn } from '../signed-in.ts'

/** `GET /account/password` */
export function showChangePassword(desk: Desk): Step {
  return async function showChangePassword(ctx) {
    refuseElsewhere(desk, ctx)
    const because = ctx.search === BECAUSE_NOT_ME ? BECAUSE_NOT_ME : ''
    const who = await signedIn(desk, ctx, { page: `/account/password${because}`, fresh: true })
    if (who === null) return
    newPasswordPage(ctx, {
      token: null,
      email: who.account.user.email,
      notMe: because !== '',
      minLength: desk.manifest.current.accounts.password.minLength,
      flash: takeFlash(ctx, '/account/password'),
    })
  }
}

/** `POST /account/password` `password, passwordAgain`: ends every session, and begins a new one here. */
export function changePassword(desk: Desk): Step {
  return accountForm(desk, '/account/password', { fresh: true }, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    const { user } = account
    const fields = {
      password: passwordField(texts, texts.faults.newPasswordMissing),
      passwordAgain: passwordField(texts, texts.faults.passwordAgainMissing),
      ...tokenField(ctx),
    }
    const given = parseForm(ctx, z.strictObject(fields))
    await checkNewPassword(desk, ctx, { ...given, person: [user.name, user.email] })
    if (!(await replacePassword(desk, ctx, account, given.password))) {
      throw new CarnetError('signed_out', texts.errors.signed_out)
    }
    const now = await desk.users.find({ id: user.id })
    if (now === null) throw new CarnetError('signed_out', texts.errors.signed_out)
    ctx.state.session = null
    flash(ctx, {
      page: '/account',
      message: texts.account.passwordChanged,
      good: true,
      fields: {},
      values: {},
    })
    const returnTo = `${ctx.state.base}/account`
    await enter(desk, ctx, now, { site: null, returnTo, remember: false, message: 'password changed' })
  })
}
