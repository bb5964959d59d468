import { CarnetError } from '@carnet/protocol'
import type { Ctx } from './context.ts'
import { isProgram } from './envelope.ts'
import { noticePage } from './pages/notice.ts'

/** Says that a mailed link is no longer good, and where to get another. Throws `invalid_input` for programs. */
export function refuseVoidLink(ctx: Ctx, another: { label: string; href: string }): void {
  const { verify } = ctx.state.texts
  if (isProgram(ctx)) {
    throw new CarnetError('invalid_input', verify.void, { fields: { token: verify.void } })
  }
  noticePage(ctx, { title: verify.voidTitle, text: verify.void, on: another, languages: false })
  ctx.status = 400
  ctx.set('Carnet-Error', 'invalid_input')
}
