import { clientOf, cookieNames } from '@carnet/protocol'
import { readOwnSession } from '../../sso/own-session.ts'
import type { Desk, Step } from '../context.ts'

/** Finds out who asks: the client, and the session of the service's own cookie. */
export function visitor(desk: Desk): Step {
  return async function visitor(ctx, next) {
    const { auth, session } = desk.manifest.current
    ctx.state.client = clientOf(
      { peer: ctx.req.socket.remoteAddress ?? '', headers: ctx.headers },
      desk.trust,
    )
    ctx.state.session = await readOwnSession(ctx.headers.cookie, {
      store: desk.store,
      signer: desk.signer,
      names: cookieNames(auth),
      idle: session.idle,
    })
    await next()
  }
}
