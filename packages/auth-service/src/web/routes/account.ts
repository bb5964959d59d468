import { z } from 'zod'
import { accountForm, done, tokenField } from '../account-form.ts'
import type { Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { isProgram, succeed } from '../envelope.ts'
import { nameField, parseForm, takeFlash } from '../form.ts'
import { note } from '../note.ts'
import { accountPage } from '../pages/account.ts'
import { signedIn } from '../signed-in.ts'

/** `GET /account` */
export function showAccount(desk: Desk): Step {
  return async function showAccount(ctx) {
    const who = await signedIn(desk, ctx, { page: '/account' })
    if (who === null) return
    if (isProgram(ctx)) return succeed(ctx, 'account', { user: who.account.user })
    accountPage(ctx, {
      manifest: desk.manifest.current,
      account: who.account,
      flash: takeFlash(ctx, '/account'),
    })
  }
}

/** `POST /account/profile` `name` */
export function changeProfile(desk: Desk): Step {
  return accountForm(desk, '/account', {}, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    const { name } = parseForm(ctx, z.strictObject({ name: nameField(texts), ...tokenField(ctx) }))
    const changed = await desk.users.change(account.user.id, { name })
    await desk.sessions.follow({ user: account.user.id })
    note(desk, ctx, 'profile_changed', { user: account.user.id })
    done(ctx, '/account', texts.account.saved, { user: changed?.user ?? null })
  })
}
