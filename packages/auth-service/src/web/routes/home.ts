import type { Desk, Step } from '../context.ts'
import { homePage } from '../pages/home.ts'

/** `GET /`: who is signed in, and the sites. */
export function home(desk: Desk): Step {
  return async function home(ctx) {
    homePage(ctx, { manifest: desk.manifest.current, user: ctx.state.session?.record.user ?? null })
  }
}
