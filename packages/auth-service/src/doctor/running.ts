import { z } from 'zod'
import type { Config } from '../config.ts'
import { about, type Finding } from './finding.ts'

const ANSWERS_WITHIN_MS = 3_000

const readiness = z.object({ code: z.number(), data: z.record(z.string(), z.unknown()) })

/** What the service that runs says of itself, asked at its public address, else on this machine. */
export async function examineRunning({ manifest, host, port }: Config): Promise<Finding[]> {
  const { ok, warning, fault } = about('service')
  const { auth } = manifest
  const path = new URL(auth).pathname.replace(/\/$/, '')
  for (const base of [auth, `http://${reachable(host)}:${port}${path}`]) {
    const said = await readinessAt(`${base}/readyz`)
    if (said === null) continue
    const { proxy, hint, ...states } = said.data
    const remark = proxy === 'untrusted' ? [warning(untrusted(hint))] : []
    if (said.code === 0) return [ok(`${base} is ready`), ...remark]
    const waiting = Object.entries(states).filter(([, state]) => state !== 'ok')
    const names = waiting.map(([name, state]) => `${name} ${String(state)}`).join(', ')
    return [fault(`${base} runs and cannot serve: ${names}`), ...remark]
  }
  return [
    warning(
      `no service answers at ${auth}, nor at ${host}:${port}: start it with "carnet serve", if it does not run.`,
    ),
  ]
}

/** Anybody can send such a header: it is told, and is no fault. */
function untrusted(hint: unknown): string {
  const says = typeof hint === 'string' ? ` (${hint.replace(/\p{Cc}/gu, ' ').slice(0, 400)})` : ''
  return `requests seem to come through a proxy that is not trusted, and then all visitors seem to be at one address: name it in CARNET_TRUST_PROXY, if it is yours${says}.`
}

/** The readiness that is told at an address; null where nobody tells one. */
async function readinessAt(url: string): Promise<z.output<typeof readiness> | null> {
  try {
    const reply = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    })
    return readiness.parse(await reply.json())
  } catch {
    return null
  }
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
