import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What happens on the way. `pass`: nothing. `delay`: every piece waits that many ms, in each direction. `stall`:
 * connections are taken and what is sent is held until the mode changes. `hole`: what is sent is lost without a sign,
 * and a connection that was open then stays silent for good, as one does whose state a firewall forgot. `cut`:
 * connections are reset, and new ones refused.
 */
export type Mode = 'pass' | { delay: number } | 'stall' | 'hole' | 'cut'

/** A TCP proxy whose way can be spoilt. */
export interface TcpProxy {
  readonly port: number
  /** How many connections are open to it. */
  readonly connections: number
  /** How many bytes were lost, held or delayed since the start: proof that a mode met traffic. */
  readonly touched: number
  set(mode: Mode): Promise<void>
  stop(): Promise<void>
}

interface Pair {
  readonly ends: readonly [Socket, Socket]
  silent: boolean
}

/** Starts a proxy on a free port, or the given one, in front of a port of this machine. */
export async function startTcpProxy(target: number, port = 0): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const held: (() => void)[] = []
  let mode: Mode = 'pass'
  let touched = 0
  let server: Server | null = null

  function carry(pair: Pair, to: Socket): (chunk: Buffer) => void {
    // One delivery after the other, or a change of the delay would let pieces overtake.
    let last: Promise<void> = Promise.resolve()
    return chunk => {
      if (mode !== 'pass' || pair.silent) touched += chunk.length
      if (pair.silent) return
      const way = mode
      const from = performance.now()
      last = last.then(async () => {
        if (typeof way === 'object') await sleep(Math.max(0, way.delay - (performance.now() - from)))
        if (mode === 'stall') await new Promise<void>(resolve => held.push(resolve))
        if (!pair.silent && !to.destroyed) to.write(chunk)
      })
    }
  }

  function onConnection(client: Socket): void {
    const upstream = connect(target, '127.0.0.1')
    const pair: Pair = { ends: [client, upstream], silent: mode === 'hole' }
    pairs.add(pair)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.setNoDelay(true)
      from.on('data', carry(pair, to))
      from.on('error', () => {})
      from.on('close', () => {
        // The end of a silent connection is not heard of on the other side either, unless it is the client's own.
        if (pair.silent && from === upstream) return
        pairs.delete(pair)
        to.destroy()
      })
    }
  }

  async function open(at: number): Promise<number> {
    const opening = createServer(onConnection)
    await new Promise<void>((resolve, reject) => {
      opening.once('error', reject)
      opening.listen(at, '127.0.0.1', resolve)
    })
    server = opening
    const address = opening.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async function cut(): Promise<void> {
    const closing = server
    server = null
    const closed = new Promise<void>(resolve => {
      if (closing === null) resolve()
      else closing.close(() => resolve())
    })
    for (const { ends } of pairs) for (const end of ends) end.resetAndDestroy()
    pairs.clear()
    await closed
  }

  const own = await open(port)
  return {
    port: own,
    get connections() {
      return pairs.size
    },
    get touched() {
      return touched
    },
    async set(next) {
      mode = next
      if (next === 'hole') for (const pair of pairs) pair.silent = true
      for (const go of held.splice(0)) go()
      if (next === 'cut') await cut()
      else if (server === null) await open(own)
    },
    stop: cut,
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
