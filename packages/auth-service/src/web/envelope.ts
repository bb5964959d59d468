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
