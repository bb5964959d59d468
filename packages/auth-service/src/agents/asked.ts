import { CarnetError, type Site } from '@carnet/protocol'
import type { z } from 'zod'
import type { Ctx } from '../web/context.ts'

/** Whose agent asks. Throws a `TypeError` where nobody has looked at the signature. */
export function siteOf({ state }: Ctx): Site {
  if (state.site === undefined) throw new TypeError('Mount signed() before the routes of agents.')
  return state.site
}

/** The body of an agent's request. Throws `invalid_input`. */
export function parseBody<S extends z.ZodType>(ctx: Ctx, schema: S): z.output<S> {
  const parsed = schema.safeParse(ctx.request.body)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`)
  throw new CarnetError('invalid_input', `The request cannot be read: ${faults.slice(0, 4).join('; ')}.`)
}
