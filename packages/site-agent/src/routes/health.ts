import { readFileSync } from 'node:fs'
import { type AgentRequest, type Answer, answer } from '../exchange.ts'
import type { Place } from '../place.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** `GET /api/healthz`: which site's agent answers here, in which version, and whether it reaches the store. */
export async function health(place: Place, _request: AgentRequest): Promise<Answer> {
  const away = await place.store.ping().then(
    () => false,
    () => true,
  )
  const code = away ? 503 : 0
  const store = away ? 'unavailable' : 'ok'
  const body = JSON.stringify({ code, message: 'alive', data: { site: place.site.id, version, store } })
  const headers = away ? { 'Carnet-Error': 'store_unavailable', 'Retry-After': '1' } : {}
  return answer(code || 200, 'application/json; charset=utf-8', body, { headers })
}
