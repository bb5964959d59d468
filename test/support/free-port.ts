import { createServer } from 'node:net'

/**
 * Where ports are looked for: below those from which systems take the near end of a connection (Linux: 32768 to
 * 60999, RFC 6335: from 49152). A port from there may be free when it is asked for and taken by somebody's
 * connection a moment later.
 */
const FIRST = 12_000
const LAST = 22_000

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  return freePorts(1)
}

/** The first of `count` ports in a row that were free a moment ago. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const base = FIRST + Math.floor(Math.random() * (LAST - FIRST - count))
    const free = await Promise.all(Array.from({ length: count }, (_, next) => isFree(base + next)))
    if (!free.includes(false)) return base
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
