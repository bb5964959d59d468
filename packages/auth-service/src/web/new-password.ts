import { CarnetError } from '@carnet/protocol'
import { judgePassword, LONGEST_NEW_PASSWORD } from '../accounts/password-policy.ts'
import type { Account } from '../accounts/user-row.ts'
import type { Ctx, Desk } from './context.ts'
import { mailDetails, whereOf } from './mails.ts'
import { note } from './note.ts'

/** Refuses a new password that is not allowed, or was not typed twice alike. Throws `invalid_input` with the reasons. */
export async function checkNewPassword(
  desk: Desk,
  ctx: Ctx,
  { password, passwordAgain, person }: { password: string; passwordAgain: string; person: readonly string[] },
): Promise<void> {
  const { faults } = ctx.state.texts
  const manifest = desk.manifest.current
  const { minLength } = manifest.accounts.password
  const hosts = [manifest.auth, ...manifest.sites.map(({ origin }) => origin)].map(
    url => new URL(url).hostname,
  )
  const words = [manifest.brand.name, ...manifest.sites.map(({ name }) => name), ...hosts, ...person]
  const fault = await judgePassword(password, { minLength, words })
  const told = { short: faults.short(minLength), long: faults.long(LONGEST_NEW_PASSWORD) }
  const fields = {
    ...(fault !== null && { password: fault === 'short' || fault === 'long' ? told[fault] : faults[fault] }),
    ...(password !== passwordAgain && { passwordAgain: faults.passwordAgain }),
  }
  if (Object.keys(fields).length > 0) throw new CarnetError('invalid_input', faults.some, { fields })
}

/**
 * Replaces a user's password, ends every session and tells the owner. False where what allowed it, at `account.epoch`,
 * was voided meanwhile.
 */
export async function replacePassword(
  desk: Desk,
  ctx: Ctx,
  { user, epoch }: Account,
  password: string,
): Promise<boolean> {
  if (!(await desk.users.setPassword(user.id, password, epoch))) return false
  note(desk, ctx, 'password_changed', { user: user.id })
  await desk.sessions.end(user.id, 'all')
  const details = mailDetails(desk, ctx, whereOf(ctx))
  await desk.outbox.put({ kind: 'password-changed', address: user.email, userId: user.id, details })
  return true
}
