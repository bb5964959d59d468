import type { ProxyNotice } from '@carnet/protocol'
import type { Step } from '../context.ts'

/** Notices forwarding headers from a peer that is not trusted. */
export function forwarders(proxies: ProxyNotice): Step {
  return function forwarders(ctx, next) {
    proxies.see({ peer: ctx.req.socket.remoteAddress ?? '', headers: ctx.headers })
    return next()
  }
}
