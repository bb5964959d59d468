import { pingDatabase } from '../../accounts/database.ts'
import type { Desk, Step } from '../context.ts'
import { succeed } from '../envelope.ts'

/** `GET /healthz`: the process runs. */
export function healthz(): Step {
  return async function healthz(ctx) {
    succeed(ctx, 'alive', {})
  }
}

/** `GET /readyz`: the service can serve, or which dependency it waits for. */
export function readyz(desk: Desk): Step {
  return async function readyz(ctx) {
    const data = {
      store: desk.keepsStore()
        ? await state(() => desk.store.ping())
        : desk.store.evicts()
          ? 'evicts'
          : 'unavailable',
      database: await state(() => pingDatabase(desk.database)),
    }
    // Told, and no more: a header that anybody can send must not take the service out of service.
    const { message } = desk.proxies
    const proxy = message === null ? {} : { proxy: 'untrusted', hint: message }
    if (Object.values(data).every(state => state === 'ok'))
      return succeed(ctx, 'ready', { ...data, ...proxy })
    ctx.status = 503
    ctx.set({ 'Retry-After': '1', 'Carnet-Error': 'store_unavailable' })
    ctx.body = { code: 503, error: 'store_unavailable', message: 'not ready', data: { ...data, ...proxy } }
  }
}

async function state(ping: () => Promise<void>): Promise<'ok' | 'unavailable'> {
  try {
    await ping()
    return 'ok'
  } catch {
    return 'unavailable'
  }
}
