import { CarnetError } from '@carnet/protocol'
import type { Step } from '../context.ts'

/** Refuses a query that gives a parameter twice: two readers could take two different ones. */
export function oneValue(): Step {
  return async function oneValue(ctx, next) {
    const seen = new Set<string>()
    for (const name of new URLSearchParams(ctx.querystring).keys()) {
      if (seen.has(name)) throw new CarnetError('invalid_input', 'A parameter is given more than once.')
      seen.add(name)
    }
    await next()
  }
}

/** A parameter of the query, undefined where it is absent or empty. */
export function parameter(query: NodeJS.Dict<string | string[]>, name: string): string | undefined {
  const value = query[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
