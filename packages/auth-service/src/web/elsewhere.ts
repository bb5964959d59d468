import { CarnetError } from '@carnet/protocol'
import type { Ctx, Desk } from './context.ts'

/** Where an existing backend keeps the accounts, they are changed there. Throws `forbidden`. */
export function refuseElsewhere(desk: Desk, ctx: Ctx): void {
  if (desk.manifest.current.accounts.credentials === null) return
  throw new CarnetError('forbidden', ctx.state.texts.account.elsewhere)
}
