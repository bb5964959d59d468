import type { IncomingMessage } from 'node:http'
import { CarnetError } from '@carnet/protocol'
import { bodyParser } from '@koa/bodyparser'
import type { Step } from '../context.ts'

const given = new WeakMap<IncomingMessage, unknown>()

/** Hands over a body that somebody else has read: what was read once cannot be read again. */
export function giveBody(req: IncomingMessage, body: unknown): void {
  given.set(req, body)
}

/** Reads the body of forms and JSON, 32 kB at most. */
export function body(): Step {
  const parse = bodyParser({
    enableTypes: ['json', 'form'],
    jsonLimit: '32kb',
    formLimit: '32kb',
    onError: unreadable,
  })
  return async function body(ctx, next) {
    if (!given.has(ctx.req)) return parse(ctx, next)
    ctx.request.body = given.get(ctx.req)
    await next()
  }
}

// Too large, cut short, no JSON, no gzip: not every one of the parser's errors says by itself that the caller is at fault.
function unreadable(cause: Error): never {
  const tooLarge = (cause as { status?: number }).status === 413
  const message = tooLarge ? 'The body is larger than 32 kB.' : 'The body could not be read.'
  throw new CarnetError('invalid_input', message, { cause })
}
