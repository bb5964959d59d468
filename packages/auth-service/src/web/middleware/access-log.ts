import type { Logger } from 'pino'
import type { Step } from '../context.ts'

/** One line a request: the route as we wrote it, never the path and query as they came. */
export function accessLog(log: Logger): Step {
  return async function accessLog(ctx, next) {
    const startedAt = performance.now()
    try {
      await next()
    } finally {
      const route = ctx._matchedRoute ?? null
      const ms = Math.round(performance.now() - startedAt)
      log.debug({ method: ctx.method, route, status: ctx.status, ms }, 'request')
    }
  }
}
