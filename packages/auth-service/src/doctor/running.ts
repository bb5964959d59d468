import { z } from 'zod'
import type { Config } from '../config.ts'
import { examineClock } from './clock.ts'
import { about, type Finding } from './finding.ts'
import { ask } from './web-client.ts'

const ANSWERS_WITHIN_MS = 3_000
const FORWARD =
  'browsers, and the checks below, need the service at its public address. See to its name, its certificate and its proxy.'

/** What was found of the service, and whether it serves at its public address. */
export interface RunningFindings {
  readonly findings: readonly Finding[]
  readonly serves: boolean
}

const readiness = z.object({ code: z.number(), data: z.record(z.string(), z.unknown()) })

/** What the service that runs says of itself, asked at its public address, else on this machine. */
export async function examineRunning({ manifest, host, port }: Config): Promise<RunningFindings> {
  const { ok, warning, fault } = about('service')
  const { auth } = manifest
  const path = new URL(auth).pathname.replace(/\/$/, '')
  for (const base of [auth, `http://${reachable(host)}:${port}${path}`]) {
    const said = await readinessAt(`${base}/readyz`)
    if (said === null) continue
    const { proxy, hint, ...states } = said.data
    // Some keep /readyz to themselves.
    const isPublic = base === auth || (await shows(`${auth}/signin`))
    const remarks = [
      ...(proxy === 'untrusted' ? [warning(untrusted(hint))] : []),
      ...(said.ahead === null ? [] : [examineClock(`the service at ${base}`, said.ahead)]),
      ...(isPublic ? [] : [warning(`nobody answers at ${auth}/readyz: ${FORWARD}`)]),
    ]
    if (said.code === 0) return { findings: [ok(`${base} is ready`), ...remarks], serves: isPublic }
    const waiting = Object.entries(states).filter(([, state]) => state !== 'ok')
    const names = waiting.map(([name, state]) => `${name} ${String(state)}`).join(', ')
    return { findings: [fault(`${base} runs and cannot serve: ${names}`), ...remarks], serves: false }
  }
  if (await shows(`${auth}/signin`)) {
    const says = `${auth} answers, and neither there nor at ${host}:${port} is there a /readyz to be seen: let the doctor have it, since it says what the service waits for.`
    return { findings: [warning(says)], serves: true }
  }
  const says = `no service answers at ${auth}, nor at ${host}:${port}: start it with "carnet serve", if it does not run.`
  return { findings: [warning(says)], serves: false }
}

/** Anybody can send such a header: it is told, and is no fault. */
function untrusted(hint: unknown): string {
  const says = typeof hint === 'string' ? ` (${hint.replace(/\p{Cc}/gu, ' ').slice(0, 400)})` : ''
  return `requests seem to come through a proxy that is not trusted, and then all visitors seem to be at one address: name it in CARNET_TRUST_PROXY, if it is yours${says}.`
}

/** The readiness that is told at an address, and how far the clock there is ahead; null where nobody tells one. */
async function readinessAt(
  url: string,
): Promise<(z.output<typeof readiness> & { ahead: number | null }) | null> {
  try {
    const { body, ahead } = await ask(url, { withinMs: ANSWERS_WITHIN_MS })
    return { ...readiness.parse(JSON.parse(body)), ahead }
  } catch {
    return null
  }
}

async function shows(url: string): Promise<boolean> {
  return ask(url, { withinMs: ANSWERS_WITHIN_MS }).then(
    ({ status }) => status === 200,
    () => false,
  )
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
