import { CarnetError } from '@carnet/protocol'
import type { Router } from '@koa/router'
import type { Extras, State, Step } from '../context.ts'

/**
 * Refuses what no door takes, before anything is read or asked: an unknown path, whatever the method, and a method that
 * the path does not know, which is told the ones it does.
 */
export function methods(...routers: readonly Router<State, Extras>[]): Step {
  return async function methods(ctx, next) {
    const layers = routers.flatMap(router => router.match(ctx.path, ctx.method).path)
    const allowed = [...new Set(layers.flatMap(layer => layer.methods))]
    if (allowed.length === 0) throw new CarnetError('not_found', 'There is no such page.')
    if (allowed.includes(ctx.method)) return next()
    ctx.set('Allow', allowed.sort().join(', '))
    // OPTIONS as well: who asks before he sends is a page of another origin.
    throw new CarnetError('method_not_allowed', 'This address does not take such a request.')
  }
}
