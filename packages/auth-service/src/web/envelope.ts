import type { EventEmitter } from 'node:events'
import { type CarnetError, hasJsonBody, wantsJson } from '@carnet/protocol'
import type { Ctx, Desk, ServiceEvents } from './context.ts'

/** Whether this caller is a program: one that sent JSON, or asks for it, or asks what only programs do. */
export function isProgram(ctx: Ctx): boolean {
  return hasJsonBody(ctx.headers) || wantsJson(ctx.headers) || isForAgents(ctx)
}

// By the target as it came: what is no address cannot be parsed, and what is said of that quotes it.
function isForAgents({ req, state }: Ctx): boolean {
  return req.url?.startsWith(`${state.base}/v1/`) === true
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

// Thrown by what knows no languages; all other refusals come from routes, which speak the visitor's.
const TOLD_BY_CODE = [
  'store_unavailable',
  'internal',
  'csrf',
  'not_found',
  'method_not_allowed',
  'unknown_site',
  'session_gone',
] as const

/** What to tell people, in their language. */
export function messageFor(ctx: Ctx, error: CarnetError): string {
  if (error.localized) return error.message
  if (error.code === 'rate_limited')
    return ctx.state.texts.errors.rate_limited(inWhile(ctx, error.retryAfter))
  const code = TOLD_BY_CODE.find(code => code === error.code)
  return code === undefined ? error.message : ctx.state.texts.errors[code]
}

/** `in 30 seconds`, in the visitor's language. */
function inWhile(ctx: Ctx, seconds: number | null): string {
  const format = new Intl.RelativeTimeFormat(ctx.state.language)
  const wait = seconds ?? 1
  return wait < 120 ? format.format(wait, 'second') : format.format(Math.ceil(wait / 60), 'minute')
}

/** Tells the app that the service runs in. What the app makes of it is no fault of the request. */
export function tell<Name extends keyof ServiceEvents>(
  desk: Desk,
  name: Name,
  event: ServiceEvents[Name][0],
): void {
  try {
    ;(desk.events as EventEmitter).emit(name, event)
  } catch (error) {
    desk.log.error({ event: name, err: error as Error }, 'listener_failed')
  }
}
