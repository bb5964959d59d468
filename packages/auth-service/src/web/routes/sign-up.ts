import { CarnetError, networksOf } from '@carnet/protocol'
import { z } from 'zod'
import { asked } from '../../accounts/database.ts'
import { type Account, insertUser, newRow, toAccount, type WholeUserRow } from '../../accounts/user-row.ts'
import { mailRow, type NewMail } from '../../mail/outbox.ts'
import { nextUrl } from '../../sso/return-to.ts'
import type { Texts } from '../../texts/en.ts'
import type { Ctx, Desk, Step } from '../context.ts'
import { askedSite, type Entrance, enter } from '../enter.ts'
import { goTo, isProgram, succeed, tell } from '../envelope.ts'
import {
  backToForm,
  emailField,
  formExtras,
  nameField,
  parseForm,
  passwordField,
  takeFlash,
} from '../form.ts'
import { count } from '../known-device.ts'
import { parameter } from '../middleware/one-value.ts'
import { checkNewPassword } from '../new-password.ts'
import { note } from '../note.ts'
import { noticePage } from '../pages/notice.ts'
import { signUpPage } from '../pages/sign-up.ts'

const TOLD_AGAIN_MS = 600_000

/** `GET /signup`: the page, or on at once for who is signed in. */
export function showSignUp(desk: Desk): Step {
  return async function showSignUp(ctx) {
    const manifest = desk.manifest.current
    const site = askedSite(manifest, parameter(ctx.query, 'site'))
    const home = desk.home(ctx.req)
    if (ctx.state.session !== null)
      return goTo(ctx, nextUrl({ manifest, home }, site, parameter(ctx.query, 'return_to')))
    refuseClosed(desk, ctx)
    signUpPage(ctx, { manifest, site, flash: takeFlash(ctx, '/signup') })
  }
}

/** `POST /signup`: opens an account, and lets its owner in; where sign-up is private, once the mail is confirmed. */
export function signUp(desk: Desk): Step {
  return async function signUp(ctx) {
    refuseClosed(desk, ctx)
    try {
      const form = parseForm(ctx, signUpForm(ctx.state.texts))
      const site = askedSite(desk.manifest.current, form.site || parameter(ctx.query, 'site'))
      await checkNewPassword(desk, ctx, { ...form, person: [form.name, form.email] })
      // Before the costly hash: without the store nobody can be let in.
      await desk.store.ping()
      await count(desk, ctx, 'sign-up')
      const row = newRow(
        { email: form.email, name: form.name },
        await desk.limits.inTurn(networksOf(ctx.state.client.address), () => desk.users.hash(form.password)),
      )
      const details = { language: ctx.state.language, ...(site !== null && { site: site.id }) }
      if (desk.manifest.current.accounts.signUp === 'private') {
        return await openPrivately(desk, ctx, row, details)
      }
      const mail: NewMail = { kind: 'verify', address: row.email, userId: row.id, details }
      if (!(await insertWith(desk, row, () => mail))) {
        const { emailTaken } = ctx.state.texts.faults
        throw new CarnetError('email_taken', emailTaken, { fields: { email: emailTaken } })
      }
      const account = toAccount(row)
      note(desk, ctx, 'signup', { user: row.id, site: site?.id ?? null })
      tell(desk, 'signup', { user: account.user })
      await enterNew(desk, ctx, account, {
        site,
        returnTo: form.return_to || parameter(ctx.query, 'return_to'),
        remember: false,
        message: 'signup success',
      })
    } catch (error) {
      if (!(error instanceof CarnetError)) throw error
      note(desk, ctx, 'signup_refused', { user: null, outcome: error.code })
      if (isProgram(ctx) || !backToForm(ctx, '/signup', error)) throw error
    }
  }
}

/** Lets a new user in; the account is there, so where that fails the way on is the sign-in. */
async function enterNew(desk: Desk, ctx: Ctx, account: Account, entrance: Entrance): Promise<void> {
  try {
    await enter(desk, ctx, account, entrance)
  } catch (error) {
    if (!(error instanceof CarnetError) || error.status < 500) throw error
    desk.log.warn({ user: account.user.id, err: error }, 'signup_without_session')
    const returnTo = `${desk.manifest.current.auth}/signin`
    if (isProgram(ctx)) {
      succeed(ctx, entrance.message, { user: account.user, ticket: null, fanOut: [], returnTo })
    } else goTo(ctx, returnTo)
  }
}

/** Whether the address was known is told to nobody but its owner: the same work is done, and the same said. */
async function openPrivately(
  desk: Desk,
  ctx: Ctx,
  row: WholeUserRow,
  details: NewMail['details'],
): Promise<void> {
  const known = await desk.users.find({ email: row.email })
  const [latest] = await desk.outbox.asked('verify', row.email)
  // The owner of a taken address is told once in a while, however often somebody asks.
  const told = latest !== undefined && latest < TOLD_AGAIN_MS
  const mailFor = (added: boolean): NewMail => ({
    kind: added ? 'verify' : told ? 'nothing' : 'taken',
    address: row.email,
    userId: added ? row.id : (known?.user.id ?? null),
    // Counted as the same, or asking for another mail would tell which it was.
    details: { ...details, insteadOf: 'verify' },
  })
  const added = await insertWith(desk, row, mailFor)
  if (added) note(desk, ctx, 'signup', { user: row.id, site: details.site ?? null })
  else note(desk, ctx, 'signup_refused', { user: null, outcome: 'email_taken' })
  if (added) tell(desk, 'signup', { user: toAccount(row).user })
  const { sentTitle, sent } = ctx.state.texts.signUp
  if (isProgram(ctx)) return succeed(ctx, 'look into your mail', {})
  noticePage(ctx, { title: sentTitle, text: sent, languages: false })
}

/** Adds a user and a mail, or neither: a process that is killed leaves a whole user or none. */
async function insertWith(
  desk: Desk,
  row: WholeUserRow,
  mailFor: (added: boolean) => NewMail,
): Promise<boolean> {
  const isPrivate = desk.manifest.current.accounts.signUp === 'private'
  const added = await asked(
    desk.database.transaction().execute(async transaction => {
      const added = await insertUser(transaction, row)
      if (added || isPrivate)
        await transaction
          .insertInto('outbox')
          .values(mailRow(mailFor(added)))
          .execute()
      return added
    }),
  )
  desk.outbox.nudge()
  return added
}

function signUpForm(texts: Texts) {
  return z.strictObject({
    name: nameField(texts),
    email: emailField(texts),
    password: passwordField(texts, texts.faults.newPasswordMissing),
    passwordAgain: passwordField(texts, texts.faults.passwordAgainMissing),
    ...formExtras(texts),
  })
}

function refuseClosed(desk: Desk, ctx: Ctx): void {
  const { signUp, credentials } = desk.manifest.current.accounts
  if (signUp === 'closed' || credentials !== null) {
    throw new CarnetError('forbidden', ctx.state.texts.signUp.closed)
  }
}
