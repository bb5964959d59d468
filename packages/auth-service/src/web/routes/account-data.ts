import { z } from 'zod'
import type { AuditEntry } from '../../accounts/audit.ts'
import { asked } from '../../accounts/database.ts'
import { removeUser } from '../../accounts/remove-user.ts'
import { accountForm, leave, tokenField } from '../account-form.ts'
import type { Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { goTo, isProgram, succeed } from '../envelope.ts'
import { flash, parseForm } from '../form.ts'
import { mailDetails, whereOf } from '../mails.ts'
import { note } from '../note.ts'
import { deletePage } from '../pages/account.ts'
import { signedIn } from '../signed-in.ts'

/** `GET /account/export`: everything stored about the person, as JSON. */
export function exportAccount(desk: Desk): Step {
  return async function exportAccount(ctx) {
    const who = await signedIn(desk, ctx, { page: '/account/export', fresh: true })
    if (who === null) return
    const { user, createdAt } = who.account
    const sessions = await desk.sessions.list(user.id)
    note(desk, ctx, 'account_exported', { user: user.id })
    await desk.audit.flush()
    const audit: AuditEntry[] = []
    for await (const entry of desk.audit.read({ user: user.id })) audit.push(entry)
    const remembered = await asked(
      desk.database
        .selectFrom('remember_series')
        .select(['authenticated_at', 'expires_at'])
        .where('user_id', '=', user.id)
        .execute(),
    )
    const mails = await asked(
      desk.database
        .selectFrom('outbox')
        .select(['kind', 'address', 'created_at', 'sent_at'])
        .where('user_id', '=', user.id)
        .execute(),
    )
    const date = (at: number | null) => (at === null ? null : new Date(at).toISOString())
    const data = {
      user: { ...user, createdAt: date(createdAt) },
      sessions: sessions.map(({ userId: _, ...session }) => ({
        ...session,
        startedAt: date(session.startedAt),
        lastSeenAt: date(session.lastSeenAt),
        expiresAt: date(session.expiresAt),
      })),
      remembered: remembered.map(row => ({ since: date(row.authenticated_at), until: date(row.expires_at) })),
      mails: mails.map(row => ({
        kind: row.kind,
        address: row.address,
        askedAt: date(row.created_at),
        sentAt: date(row.sent_at),
      })),
      audit: audit.map(({ at, event, prefix, actor, site, outcome, session }) => ({
        at: date(at),
        event,
        prefix,
        actor,
        site,
        outcome,
        session,
      })),
    }
    if (isProgram(ctx)) return succeed(ctx, 'export', data)
    ctx.attachment('account.json')
    ctx.type = 'application/json'
    ctx.body = JSON.stringify(data, null, 2)
  }
}

/** `GET /account/delete` */
export function showDelete(desk: Desk): Step {
  return async function showDelete(ctx) {
    refuseElsewhere(desk, ctx)
    if ((await signedIn(desk, ctx, { page: '/account/delete', fresh: true })) !== null) deletePage(ctx)
  }
}

/** `POST /account/delete`: removes the account and ends its sessions. */
export function deleteAccount(desk: Desk): Step {
  return accountForm(desk, '/account/delete', { fresh: true }, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    parseForm(ctx, z.strictObject(tokenField(ctx)))
    const { id, email } = account.user
    const details = mailDetails(desk, ctx, whereOf(ctx))
    await removeUser(desk, id, { kind: 'account-removed', address: email, userId: null, details })
    desk.outbox.nudge()
    note(desk, ctx, 'user_removed', { user: id })
    leave(desk, ctx)
    if (isProgram(ctx)) return succeed(ctx, texts.account.removed, {})
    flash(ctx, { page: '/signin', message: texts.account.removed, good: true, fields: {}, values: {} })
    goTo(ctx, '/signin')
  })
}
