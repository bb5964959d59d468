import { CarnetError, cookieNames } from '@carnet/protocol'
import type { z } from 'zod'
import { dropOwnCookie, dropRememberCookie } from '../sso/own-session.ts'
import type { Ctx, Desk, Step } from './context.ts'
import { goTo, isProgram, succeed } from './envelope.ts'
import { backToForm, flash, optionalText } from './form.ts'
import { type SignedIn, signedIn } from './signed-in.ts'

/** A step that takes a form of who is signed in; what was wrong goes back to the form's page. */
export function accountForm(
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

/** The form's token, as a field of a schema. */
export function tokenField(ctx: Ctx): { form_token: z.ZodType<string | null | undefined> } {
  return { form_token: optionalText(ctx.state.texts, 64) }
}

/** A fault of one field. */
export function faulty(ctx: Ctx, field: string, message: string): CarnetError {
  return new CarnetError('invalid_input', ctx.state.texts.faults.some, { fields: { [field]: message } })
}

/** Says that it went well: on a page, or to a program with `data`. */
export function done(ctx: Ctx, page: string, message: string, data: object): void {
  if (isProgram(ctx)) {
    succeed(ctx, message, data)
    return
  }
  flash(ctx, { page, message, good: true, fields: {}, values: {} })
  goTo(ctx, page)
}

/** Drops what signs this browser in. */
export function leave(desk: Desk, ctx: Ctx): void {
  const names = cookieNames(desk.manifest.current.auth)
  ctx.append('Set-Cookie', dropOwnCookie(names))
  ctx.append('Set-Cookie', dropRememberCookie(names))
}
