import type { Server } from 'node:http'

const DRAIN_WITHIN_MS = 8_000

/**
 * Starts listening, and returns the way to stop: no new connections, what runs is finished, and what is not finished
 * after 8 s is cut.
 */
export async function listen(server: Server, host: string, port: number): Promise<() => Promise<void>> {
  let draining = false
  server.prependListener('request', (_req, res) => {
    if (draining) res.setHeader('Connection', 'close')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return async function drain() {
    draining = true
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    // A kept-alive connection whose request was under way goes idle only now.
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const cut = setTimeout(() => server.closeAllConnections(), DRAIN_WITHIN_MS)
    await closed
    clearInterval(idle)
    clearTimeout(cut)
  }
}

/** Calls `stop` once on SIGTERM or SIGINT, then ends the process; after 10 s it ends all the same. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false
  const onSignal = () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), 10_000).unref()
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
