import { CarnetError, sessionHandle } from '@carnet/protocol'
import { z } from 'zod'
import { accountForm, done, faulty, leave, tokenField } from '../account-form.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { goTo, isProgram, succeed } from '../envelope.ts'
import { checkbox, parseForm, takeFlash } from '../form.ts'
import { note } from '../note.ts'
import { sessionsPage } from '../pages/account.ts'
import { BECAUSE_NOT_ME } from '../pages/password.ts'
import { signedIn } from '../signed-in.ts'

/** `GET /account/sessions` */
export function showSessions(desk: Desk): Step {
  return async function showSessions(ctx) {
    const who = await signedIn(desk, ctx, { page: '/account/sessions' })
    if (who === null) return
    const sessions = await desk.sessions.list(who.account.user.id)
    const current = sessionHandle(who.session.sid)
    if (isProgram(ctx)) {
      const views = sessions.map(({ userId: _, ...session }) => ({
        ...session,
        current: session.id === current,
      }))
      return succeed(ctx, 'sessions', { sessions: views })
    }
    sessionsPage(ctx, {
      manifest: desk.manifest.current,
      sessions,
      current,
      flash: takeFlash(ctx, '/account/sessions'),
    })
  }
}

/**
 * `POST /account/sessions` `end`: `others`, `everywhere`, or the id of one. With `notMe` that one was somebody else's, and
 * a new password comes next.
 */
export function endSessions(desk: Desk): Step {
  return accountForm(desk, '/account/sessions', {}, async (ctx, { account, session }) => {
    const { texts } = ctx.state
    const { end, notMe } = parseForm(
      ctx,
      z.strictObject({
        end: z.string({ error: texts.faults.value }).regex(/^[\w-]{1,64}$/, texts.faults.value),
        notMe: checkbox(texts),
        ...tokenField(ctx),
      }),
    )
    const { id } = account.user
    const current = sessionHandle(session.sid)
    const one = end !== 'everywhere' && end !== 'others'
    if (notMe) {
      refuseElsewhere(desk, ctx)
      // Who disowns this very session could not choose a password in it.
      if (!one || end === current) throw faulty(ctx, 'notMe', texts.faults.value)
    }
    if (end === 'everywhere') await desk.users.change(id, { newEpoch: true })
    const which = end === 'everywhere' ? 'all' : end === 'others' ? { allBut: current } : { id: end }
    const ended = await desk.sessions.end(id, which)
    if (one && ended === 0) throw new CarnetError('not_found', 'There is no such session.')
    const event = notMe ? 'session_disowned' : one ? 'session_revoked' : 'sessions_revoked'
    note(desk, ctx, event, { user: id, session: one ? end : null })
    if (notMe) return askNewPassword(ctx, ended)
    if (end !== 'everywhere' && end !== current)
      return done(ctx, '/account/sessions', texts.sessions.ended, { ended })
    leave(desk, ctx)
    if (isProgram(ctx)) return succeed(ctx, 'signout success', { ended })
    goTo(ctx, '/signin')
  })
}

/** Whoever was in that session may know the password. */
function askNewPassword(ctx: Ctx, ended: number): void {
  const { base, texts } = ctx.state
  if (isProgram(ctx)) {
    succeed(ctx, texts.sessions.ended, { ended, next: `${base}/account/password` })
    return
  }
  goTo(ctx, `/account/password${BECAUSE_NOT_ME}`)
}
