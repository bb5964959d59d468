import { CarnetError } from '@carnet/protocol'
import type { Logger } from 'pino'
import type { Ctx, Step } from '../context.ts'
import { isProgram, messageFor } from '../envelope.ts'

/** The one place where an error becomes an answer: the caller gets the code, the log gets the cause. */
export function errors(log: Logger, page: (ctx: Ctx, error: CarnetError) => void): Step {
  return async function errors(ctx, next) {
    try {
      if (!isAddress(ctx.req.url)) throw new CarnetError('invalid_input', 'The request names no address.')
      await next()
      if (ctx.status === 404 && ctx.body == null) throw new CarnetError('not_found', 'There is no such page.')
    } catch (thrown) {
      const error = toCarnetError(thrown)
      const fields = { code: error.code, route: ctx._matchedRoute ?? null }
      if (error.status >= 500) log.error({ ...fields, err: thrown }, 'request_failed')
      else log.info(fields, 'request_refused')
      answer(ctx, error, (ctx, error) => {
        try {
          page(ctx, error)
        } catch (fault) {
          // Koa's own answer would bear none of our headers.
          log.error({ ...fields, err: fault as Error }, 'error_page_failed')
          ctx.type = 'text/plain'
          ctx.body = `${error.code}\n`
        }
      })
    }
  }
}

function answer(ctx: Ctx, error: CarnetError, page: (ctx: Ctx, error: CarnetError) => void): void {
  ctx.status = error.status
  // Whoever is told "not now" keeps what he has.
  if (error.status >= 500) ctx.remove('Set-Cookie')
  if (error.retryAfter !== null) ctx.set('Retry-After', String(error.retryAfter))
  ctx.set('Carnet-Error', error.code)
  // What is left of the body would be taken for the next request.
  if (!ctx.req.complete) ctx.set('Connection', 'close')
  if (!isProgram(ctx)) {
    page(ctx, error)
    return
  }
  ctx.body = {
    code: error.status,
    error: error.code,
    message: messageFor(ctx, error),
    ...(error.fields !== null && { fields: error.fields }),
  }
}

/** Whether a request target is one that can be parsed: what Node says of any other quotes it, and ends in the log. */
function isAddress(target = ''): boolean {
  return target.startsWith('/') || target === '*' || URL.canParse(target)
}

function toCarnetError(thrown: unknown): CarnetError {
  if (thrown instanceof CarnetError) return thrown
  // Koa and its libraries throw http-errors.
  const { status } = thrown as { status?: unknown }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new CarnetError('invalid_input', 'The request could not be read.', { cause: thrown })
  }
  return new CarnetError('internal', 'Something went wrong on our side.', { cause: thrown })
}
