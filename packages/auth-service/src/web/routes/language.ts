import { authOrigin, CarnetError, cookieNames, returnTarget, serializeCookie } from '@carnet/protocol'
import { isLanguage } from '../../texts/languages.ts'
import type { Desk, Step } from '../context.ts'
import { goTo } from '../envelope.ts'
import { parameter } from '../middleware/one-value.ts'

const YEAR_S = 31_536_000

/** `GET /language?to=&return_to=`: keeps the language of choice, and goes back. */
export function chooseLanguage(desk: Desk): Step {
  return async function chooseLanguage(ctx) {
    const manifest = desk.manifest.current
    const to = parameter(ctx.query, 'to')
    if (!isLanguage(to)) throw new CarnetError('invalid_input', 'There is no such language.')
    const names = cookieNames(manifest.auth)
    ctx.append(
      'Set-Cookie',
      serializeCookie({
        name: names.language,
        value: to,
        sameSite: 'Lax',
        secure: names.secure,
        maxAge: YEAR_S,
      }),
    )
    const own = authOrigin(manifest)
    const target = returnTarget(parameter(ctx.query, 'return_to'), own, [own])
    goTo(ctx, target === null ? '/' : own + target.pathname + target.search)
  }
}
