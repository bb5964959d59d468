import { CarnetError, cookieNames, isFresh } from '@carnet/protocol'
import type { Account } from '../accounts/user-row.ts'
import { dropOwnCookie, type OwnSession } from '../sso/own-session.ts'
import type { Ctx, Desk } from './context.ts'
import { goTo, isProgram } from './envelope.ts'

const FRESH_S = 600

/** Who may go on. */
export interface SignedIn {
  readonly session: OwnSession
  readonly account: Account
}

/**
 * Who is signed in; with `fresh`, with a password given within 10 minutes, which being remembered is not. Others are
 * sent to sign in and come back to `page`: then the answer is null. Throws `signed_out` for programs.
 */
export async function signedIn(
  desk: Desk,
  ctx: Ctx,
  { page, fresh = false }: { page: string; fresh?: boolean },
): Promise<SignedIn | null> {
  const { session, texts, base } = ctx.state
  const found = session === null ? null : await desk.users.find({ id: session.record.user.id })
  const account = found === null || found.disabled ? null : found
  const passes = session !== null && (!fresh || isFresh(session.record, FRESH_S, desk.store.now()))
  if (passes && account !== null) return { session, account }
  if (session !== null && account === null) {
    // The user is gone or disabled: a session that stayed would be sent to and fro.
    await desk.sessions.endShown(session.sid)
    ctx.append('Set-Cookie', dropOwnCookie(cookieNames(desk.manifest.current.auth)))
  }
  if (isProgram(ctx)) {
    throw new CarnetError('signed_out', account === null ? texts.errors.signed_out : texts.errors.not_fresh)
  }
  const query = new URLSearchParams({ return_to: base + page })
  if (account !== null) query.set('max_age', String(FRESH_S))
  goTo(ctx, `/signin?${query}`)
  return null
}
