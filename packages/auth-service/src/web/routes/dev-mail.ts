import { CarnetError, isLocalhost, normalizeAddress } from '@carnet/protocol'
import type { KeptMail } from '../../mail/transport.ts'
import type { Desk, Step } from '../context.ts'
import { isProgram, succeed } from '../envelope.ts'
import { devMailPage } from '../pages/dev-mail.ts'

/** `GET /dev/mail`: the mails that were kept in place of being sent, for peers on this machine only. */
export function devMail(desk: Desk, kept: KeptMail): Step {
  return async function devMail(ctx) {
    const { address, addressUncertain } = ctx.state.client
    const peer = normalizeAddress(ctx.req.socket.remoteAddress ?? '')
    // The Host as well, since a foreign name may be made to point here. A proxy that hides itself is none of ours.
    const local =
      isLoopback(peer) && isLoopback(address) && isOwnHost(ctx.headers.host, desk.manifest.current.auth)
    if (!local || addressUncertain) throw new CarnetError('not_found', 'There is no such page.')
    if (isProgram(ctx)) return succeed(ctx, 'mail', kept.letters)
    devMailPage(ctx, kept.letters)
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function isOwnHost(host: string | undefined, auth: string): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false
  if (host === new URL(auth).host) return true
  const { hostname } = new URL(`http://${host}`)
  return isLocalhost(hostname) || isLoopback(normalizeAddress(hostname.replace(/^\[|\]$/g, '')))
}
