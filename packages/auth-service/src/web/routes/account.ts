import { CarnetError, cookieNames, sessionHandle } from '@carnet/protocol'
import { z } from 'zod'
import { asked } from '../../accounts/database.ts'
import { removeUser } from '../../accounts/remove-user.ts'
import { dropOwnCookie, dropRememberCookie } from '../../sso/own-session.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { refuseElsewhere } from '../elsewhere.ts'
import { enter } from '../enter.ts'
import { goTo, isProgram, succeed } from '../envelope.ts'
import {
  backToForm,
  emailField,
  flash,
  nameField,
  optionalText,
  parseForm,
  passwordField,
  takeFlash,
} from '../form.ts'
import { putLimited } from '../mail-limit.ts'
import { checkNewPassword } from '../new-password.ts'
import { accountPage, changeEmailPage, deletePage, sessionsPage } from '../pages/account.ts'
import { newPasswordPage } from '../pages/password.ts'
import { type SignedIn, signedIn } from '../signed-in.ts'

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
  return form(desk, '/account', {}, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    const { name } = parseForm(ctx, z.strictObject({ name: nameField(texts), ...token(ctx) }))
    const changed = await desk.users.change(account.user.id, { name })
    await desk.sessions.follow()
    desk.log.info({ user: account.user.id }, 'profile_changed')
    done(ctx, '/account', texts.account.saved, { user: changed?.user ?? null })
  })
}

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
  return form(desk, '/account/email', { fresh: true }, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { language, texts } = ctx.state
    const { email } = parseForm(ctx, z.strictObject({ email: emailField(texts), ...token(ctx) }))
    const { id, email: before } = account.user
    if (email === before) throw faulty(ctx, 'email', texts.faults.emailSame)
    const taken = await desk.users.find({ email })
    const isPrivate = desk.manifest.current.accounts.signUp === 'private'
    if (taken !== null && !isPrivate) {
      throw new CarnetError('email_taken', texts.faults.emailTaken, {
        fields: { email: texts.faults.emailTaken },
      })
    }
    const details = { language, insteadOf: 'change-email' as const }
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
      details: { language, other: email },
    })
    desk.log.info({ user: id }, 'email_change_asked')
    done(ctx, '/account', texts.account.changeEmailSent, {})
  })
}

/** `GET /account/password` */
export function showChangePassword(desk: Desk): Step {
  return async function showChangePassword(ctx) {
    refuseElsewhere(desk, ctx)
    const who = await signedIn(desk, ctx, { page: '/account/password', fresh: true })
    if (who === null) return
    newPasswordPage(ctx, {
      token: null,
      email: who.account.user.email,
      minLength: desk.manifest.current.accounts.password.minLength,
      flash: takeFlash(ctx, '/account/password'),
    })
  }
}

/** `POST /account/password` `password, passwordAgain`: ends every session, and begins a new one here. */
export function changePassword(desk: Desk): Step {
  return form(desk, '/account/password', { fresh: true }, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { language, texts } = ctx.state
    const { user } = account
    const fields = {
      password: passwordField(texts, texts.faults.newPasswordMissing),
      passwordAgain: passwordField(texts, texts.faults.passwordAgainMissing),
      ...token(ctx),
    }
    const given = parseForm(ctx, z.strictObject(fields))
    await checkNewPassword(desk, ctx, { ...given, person: [user.name, user.email] })
    if (!(await desk.users.setPassword(user.id, given.password, account.epoch))) {
      throw new CarnetError('signed_out', texts.errors.signed_out)
    }
    await desk.sessions.end(user.id, 'all')
    await desk.outbox.put({
      kind: 'password-changed',
      address: user.email,
      userId: user.id,
      details: { language },
    })
    desk.log.info({ user: user.id }, 'password_changed')
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

/** `POST /account/sessions` `end`: `others`, `everywhere`, or the id of one. */
export function endSessions(desk: Desk): Step {
  return form(desk, '/account/sessions', {}, async (ctx, { account, session }) => {
    const { texts } = ctx.state
    const { end } = parseForm(ctx, z.strictObject({ end: z.string().regex(/^[\w-]{1,32}$/), ...token(ctx) }))
    const { id } = account.user
    const current = sessionHandle(session.sid)
    if (end === 'everywhere') await desk.users.change(id, { newEpoch: true })
    const which = end === 'everywhere' ? 'all' : end === 'others' ? { allBut: current } : { id: end }
    const ended = await desk.sessions.end(id, which)
    desk.log.info({ user: id, ended }, 'sessions_revoked')
    if (end !== 'everywhere' && end !== current)
      return done(ctx, '/account/sessions', texts.sessions.ended, { ended })
    leave(desk, ctx)
    if (isProgram(ctx)) return succeed(ctx, 'signout success', { ended })
    goTo(ctx, '/signin')
  })
}

/** `GET /account/export`: everything stored about the person, as JSON. */
export function exportAccount(desk: Desk): Step {
  return async function exportAccount(ctx) {
    const who = await signedIn(desk, ctx, { page: '/account/export', fresh: true })
    if (who === null) return
    const { user, createdAt } = who.account
    const sessions = await desk.sessions.list(user.id)
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
    }
    desk.log.info({ user: user.id }, 'account_exported')
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
  return form(desk, '/account/delete', { fresh: true }, async (ctx, { account }) => {
    refuseElsewhere(desk, ctx)
    const { texts } = ctx.state
    parseForm(ctx, z.strictObject(token(ctx)))
    const { id } = account.user
    await removeUser(desk, id)
    desk.log.info({ user: id }, 'user_removed')
    leave(desk, ctx)
    if (isProgram(ctx)) return succeed(ctx, texts.account.removed, {})
    flash(ctx, { page: '/signin', message: texts.account.removed, good: true, fields: {}, values: {} })
    goTo(ctx, '/signin')
  })
}

/** A step that takes a form of who is signed in; what was wrong goes back to the form's page. */
function form(
  desk: Desk,
  page: string,
  { fresh = false }: { fresh?: boolean },
  take: (ctx: Ctx, who: SignedIn) => Promise<void>,
): Step {
  return async function takeForm(ctx) {
    const who = await signedIn(desk, ctx, { page, fresh })
    if (who === null) return
    try {
      await take(ctx, who)
    } catch (error) {
      if (!(error instanceof CarnetError) || isProgram(ctx) || !backToForm(ctx, page, error)) throw error
    }
  }
}

function token(ctx: Ctx) {
  return { form_token: optionalText(ctx.state.texts, 64) }
}

function faulty(ctx: Ctx, field: string, message: string): CarnetError {
  return new CarnetError('invalid_input', ctx.state.texts.faults.some, { fields: { [field]: message } })
}

function done(ctx: Ctx, page: string, message: string, data: object): void {
  if (isProgram(ctx)) {
    succeed(ctx, message, data)
    return
  }
  flash(ctx, { page, message, good: true, fields: {}, values: {} })
  goTo(ctx, page)
}

function leave(desk: Desk, ctx: Ctx): void {
  const names = cookieNames(desk.manifest.current.auth)
  ctx.append('Set-Cookie', dropOwnCookie(names))
  ctx.append('Set-Cookie', dropRememberCookie(names))
}
