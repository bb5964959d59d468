import { CarnetError, cookieNames, sessionHandle } from '@carnet/protocol'
import type { Remembered } from '../accounts/remember.ts'
import {
  dropRememberCookie,
  type OwnSession,
  ownCookie,
  readRememberCookie,
  rememberCookie,
} from '../sso/own-session.ts'
import type { Ctx, Desk } from './context.ts'
import { mailDetails } from './mails.ts'
import { note } from './note.ts'

/**
 * Signs in a browser that is remembered and whose session is gone; null where it is not remembered. Throws
 * `store_unavailable`, and then the browser keeps what it has.
 */
export async function wake(desk: Desk, ctx: Ctx): Promise<OwnSession | null> {
  const names = cookieNames(desk.manifest.current.auth)
  const held = readRememberCookie(ctx.headers.cookie, names, desk.signer)
  if (held === null) return null
  const known = await present(desk, ctx, held)
  const session = known === null ? null : await begin(desk, ctx, known)
  if (known === null || session === null) {
    ctx.append('Set-Cookie', dropRememberCookie(names))
    return null
  }
  ctx.append('Set-Cookie', ownCookie(names, desk.signer, session.sid))
  ctx.append('Set-Cookie', rememberCookie(names, desk.signer, known))
  const { user } = session.record
  note(desk, ctx, 'session_resumed', { user: user.id, session: sessionHandle(session.sid) })
  return session
}

type Known = Remembered & { userId: string; epoch: number; sid: string; authenticatedAt: number }

async function present(
  desk: Desk,
  ctx: Ctx,
  held: { seriesId: string; token: string },
): Promise<Known | null> {
  const presented = await desk.remembering.present(held.seriesId, held.token)
  if (presented.outcome === 'known') return presented
  if (presented.outcome === 'unknown') return null
  await desk.sessions.endSeries(presented.seriesId)
  if (presented.outcome === 'signed_out') return null
  note(desk, ctx, 'remember_stolen', { user: presented.userId })
  const account = await desk.users.find({ id: presented.userId })
  if (account !== null) {
    const details = mailDetails(desk, ctx)
    const { id, email } = account.user
    await desk.outbox.put({ kind: 'stolen', address: email, userId: id, details })
  }
  return null
}

async function begin(desk: Desk, ctx: Ctx, known: Known): Promise<OwnSession | null> {
  const account = await desk.users.find({ id: known.userId })
  if (account === null || account.epoch !== known.epoch) return null
  try {
    const sid = await desk.sessions.begin(account, {
      sid: known.sid,
      client: ctx.state.client,
      userAgentHeader: ctx.get('User-Agent'),
      series: { id: known.seriesId, expiresAt: known.expiresAt },
      authenticatedAt: known.authenticatedAt,
    })
    const record = await desk.store.read(sid)
    return record === null ? null : { sid, record }
  } catch (error) {
    // Signed out, disabled or changed in this very moment.
    if (error instanceof CarnetError && error.status < 500) return null
    throw error
  }
}
