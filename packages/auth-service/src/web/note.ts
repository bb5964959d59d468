import { addressPrefix } from '@carnet/protocol'
import type { AuditEvent, Deed } from '../accounts/audit.ts'
import type { Ctx, Desk } from './context.ts'

/**
 * Notes in the audit log what was done by this request, or refused to it. Nobody waits for it. `user` left out is looked
 * up by `email` or `session`.
 */
export function note(
  desk: Desk,
  ctx: Ctx,
  event: AuditEvent,
  about: Pick<Deed, 'user' | 'email' | 'session' | 'site' | 'outcome'>,
): void {
  desk.audit.note({ event, actor: 'user', prefix: addressPrefix(ctx.state.client.address) || null, ...about })
}

/** The address that a form came with, for `note`; nothing where there is none. */
export function typedEmail(ctx: Ctx): { email?: string } {
  const { email } = (ctx.request.body ?? {}) as { email?: unknown }
  return typeof email === 'string' ? { email } : {}
}
