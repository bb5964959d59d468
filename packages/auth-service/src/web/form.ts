import { CarnetError } from '@carnet/protocol'
import { z } from 'zod'
import { normalizeEmail } from '../accounts/email.ts'
import { LONGEST_PASSWORD } from '../accounts/passwords.ts'
import type { Texts } from '../texts/en.ts'
import type { Ctx, Flash } from './context.ts'
import { goTo, messageFor } from './envelope.ts'

// The parts that forms are made of. Their messages are for people, in their language.

/** A text that may be missing. */
export function optionalText(texts: Texts, longest: number): z.ZodType<string | null | undefined> {
  return z.string({ error: texts.faults.value }).max(longest, texts.faults.tooLong(longest)).nullish()
}

/** An e-mail address, normalised. */
export function emailField(texts: Texts): z.ZodType<string> {
  return z
    .string({ error: texts.faults.emailMissing })
    .min(1, texts.faults.emailMissing)
    .transform((text, context) => {
      const email = normalizeEmail(text)
      // Accounts bear such addresses that are the service's own, or that have none (RFC 6761 §6.4): nobody signs up as one.
      if (email !== null && !email.endsWith('.invalid')) return email
      context.addIssue({ code: 'custom', message: texts.faults.email })
      return z.NEVER
    })
}

/** A person's name. */
export function nameField(texts: Texts): z.ZodType<string> {
  return (
    z
      .string({ error: texts.faults.nameMissing })
      // Before it is looked at: what is normalised may be longer or shorter, but not by that much.
      .max(2_000, texts.faults.tooLong(200))
      .transform(text => text.normalize('NFC').trim())
      .refine(name => name !== '', texts.faults.nameMissing)
      .refine(name => !/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(name), texts.faults.name)
      .refine(name => name.length <= 200, texts.faults.tooLong(200))
  )
}

/** A password as it is given to be checked. */
export function passwordField(
  texts: Texts,
  missing: string = texts.faults.passwordMissing,
): z.ZodType<string> {
  return z
    .string({ error: missing })
    .min(1, missing)
    .max(LONGEST_PASSWORD, texts.faults.tooLong(LONGEST_PASSWORD))
}

/** A checkbox of a form, or a boolean of JSON. */
export function checkbox(texts: Texts): z.ZodType<boolean> {
  return z
    .union([z.boolean(), z.enum(['on', 'true', 'false', '1', '0', ''])], { error: texts.faults.value })
    .nullish()
    .transform(value => value === true || value === 'on' || value === 'true' || value === '1')
}

/** What every form has beside its own fields. */
export function formExtras(
  texts: Texts,
): Record<'site' | 'return_to' | 'form_token', z.ZodType<string | null | undefined>> {
  return {
    site: optionalText(texts, 64),
    return_to: optionalText(texts, 4_096),
    form_token: optionalText(texts, 64),
  }
}

/** Reads a body by its schema. Throws `invalid_input` with a message per field, unknown ones too. */
export function parseForm<S extends z.ZodType>(ctx: Ctx, schema: S): z.output<S> {
  const { faults } = ctx.state.texts
  const parsed = schema.safeParse(ctx.request.body ?? {})
  if (parsed.success) return parsed.data
  const fields: Record<string, string> = {}
  for (const issue of parsed.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      const unknown = issue.keys.slice(0, 8).map(key => key.slice(0, 32))
      throw new CarnetError('invalid_input', `${unknown.join(', ')}: ${faults.unknown}`, {
        fields: Object.fromEntries(unknown.map(key => [key, faults.unknown])),
        cause: 'unknown keys',
      })
    }
    if (issue.path.length === 0) throw new CarnetError('invalid_input', faults.some)
    fields[String(issue.path[0])] ??= issue.message
  }
  throw new CarnetError('invalid_input', faults.some, { fields })
}

/**
 * Back to a form's page with what was wrong and what was typed, never a password. False where it is nothing that the
 * person could mend there: fields that no form has, what comes too early, and faults of ours.
 */
export function backToForm(ctx: Ctx, page: string, error: CarnetError): boolean {
  const mendable =
    error.code === 'invalid_credentials' ||
    error.code === 'email_taken' ||
    (error.code === 'invalid_input' && error.fields !== null && error.cause === undefined)
  // Its own page says when; what was typed waits for then.
  const isTooEarly = error.code === 'rate_limited'
  if (!(mendable || isTooEarly) || ctx.session === null) return false
  const values: Record<string, string> = {}
  const body = ctx.request.body as Record<string, unknown> | undefined
  for (const name of ['email', 'name']) {
    const typed = body?.[name]
    if (typeof typed === 'string') values[name] = typed.replace(/\p{Cc}/gu, '').slice(0, 254)
  }
  const fields = error.fields ?? {}
  flash(ctx, {
    page,
    fields,
    values,
    code: error.code,
    ...(Object.keys(fields).length === 0 && !isTooEarly && { message: messageFor(ctx, error) }),
  })
  if (isTooEarly) return false
  goTo(ctx, page + searchFor(ctx, body))
  return true
}

const LONGEST_SEARCH = 8_192

/** The query of a page that is come back to; empty where it is longer than an answer's header may be. */
export function searchOf(ctx: Ctx): string {
  return ctx.search.length > LONGEST_SEARCH ? '' : ctx.search
}

/** The query, with what the body said of the way on: the next try has to know it as well. */
function searchFor(ctx: Ctx, body: Record<string, unknown> | undefined): string {
  const search = searchOf(ctx)
  const query = new URLSearchParams(search)
  for (const name of ['site', 'return_to']) {
    const given = body?.[name]
    if (typeof given === 'string' && given !== '' && given.length <= 2_048 && !query.has(name))
      query.set(name, given)
  }
  return query.size === 0 || query.toString() === search.slice(1) ? search : `?${query}`
}

/** Keeps a word for the next time a page is shown. */
export function flash(ctx: Ctx, said: Flash): void {
  if (ctx.session !== null) ctx.session.flash = said
}

/** What was said for this page, once. */
export function takeFlash(ctx: Ctx, page: string): Flash | null {
  const said = ctx.session?.flash
  if (ctx.session === null || said === undefined || said.page !== page) return null
  delete ctx.session.flash
  return said
}
