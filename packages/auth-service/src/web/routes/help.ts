import type { Step } from '../context.ts'
import { helpPage } from '../pages/help.ts'

/** `GET /help`: what each code means. It asks nothing of the store, which may be what is away. */
export function help(): Step {
  return async function help(ctx) {
    helpPage(ctx)
  }
}
