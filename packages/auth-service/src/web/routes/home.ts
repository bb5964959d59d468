import type { Desk, Step } from '../context.ts'
import { isProgram, succeed } from '../envelope.ts'
import { homePage } from '../pages/home.ts'

/** `GET /`: who is signed in, and the sites. */
export function home(desk: Desk): Step {
  return async function home(ctx) {
    const user = ctx.state.session?.record.user ?? null
    if (isProgram(ctx)) return succeed(ctx, user === null ? 'signed out' : 'signed in', { user })
    homePage(ctx, { manifest: desk.manifest.current, user })
  }
}
