import { clientOf, cookieNames, isSpeculative } from '@carnet/protocol'
import { readOwnSession } from '../../sso/own-session.ts'
import type { Desk, Step } from '../context.ts'
import { wake } from '../wake.ts'

/** Finds out who asks: the client, and the session of the service's own cookie, or of a browser that is remembered. */
export function visitor(desk: Desk): Step {
  return async function visitor(ctx, next) {
    const { auth, session } = desk.manifest.current
    const names = cookieNames(auth)
    ctx.state.client = clientOf(
      { peer: ctx.req.socket.remoteAddress ?? '', headers: ctx.headers },
      desk.trust,
    )
    ctx.state.session = await readOwnSession(ctx.headers.cookie, {
      store: desk.store,
      toucher: desk.toucher,
      signer: desk.signer,
      names,
      idle: session.idle,
    })
    if (ctx.state.session === null && ctx.method === 'GET' && !isSpeculative(ctx.headers)) {
      ctx.state.session = await wake(desk, ctx)
    }
    await next()
  }
}
