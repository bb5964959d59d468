import { CarnetError, normalizeAddress } from '@carnet/protocol'
import type { KeptMail } from '../../mail/transport.ts'
import type { Step } from '../context.ts'
import { isProgram, succeed } from '../envelope.ts'
import { devMailPage } from '../pages/dev-mail.ts'

/** `GET /dev/mail`: the mails that were kept in place of being sent, for peers on this machine only. */
export function devMail(kept: KeptMail): Step {
  return async function devMail(ctx) {
    const peer = normalizeAddress(ctx.req.socket.remoteAddress ?? '')
    const local = peer === '::1' || peer.startsWith('127.')
    if (!local || ctx.state.client.addressUncertain) {
      throw new CarnetError('not_found', 'There is no such page.')
    }
    if (isProgram(ctx)) return succeed(ctx, 'mail', kept.letters)
    devMailPage(ctx, kept.letters)
  }
}
