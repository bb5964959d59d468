import { hasJsonBody, wantsJson } from '@carnet/protocol'
import type { Ctx } from './context.ts'

/** Whether this caller is a program: one that sent JSON, or asks for it. */
export function isProgram(ctx: Ctx): boolean {
  return hasJsonBody(ctx.headers) || wantsJson(ctx.headers)
}

/** Answers in the one envelope. */
export function succeed(ctx: Ctx, message: string, data: unknown): void {
  ctx.body = { code: 0, message, data }
}

/** Sends on with 303: to a path of the service, or to an absolute URL. */
export function goTo(ctx: Ctx, target: string): void {
  ctx.status = 303
  ctx.set('Location', target.startsWith('/') ? ctx.state.base + target : target)
  ctx.body = ''
}
