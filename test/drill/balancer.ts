import { connect, createServer, type Socket } from 'node:net'

/** Spreads connections over the services that take them, as what stands before them in production does. */
export interface Balancer {
  /** How many connections a service did not take, and another one was asked. */
  readonly refused: number
  stop(): Promise<void>
}

/** Listens on a port, and hands connections to others in turn. */
export async function startBalancer(port: number, targets: readonly number[]): Promise<Balancer> {
  const open = new Set<Socket>()
  let turn = 0
  let refused = 0

  function hand(client: Socket, choices: readonly number[]): void {
    const [target, ...others] = choices
    if (target === undefined) {
      client.destroy()
      return
    }
    const upstream = connect(target, '127.0.0.1')
    const onRefusal = () => {
      refused += 1
      hand(client, others)
    }
    upstream.once('error', onRefusal)
    upstream.once('connect', () => {
      upstream.off('error', onRefusal)
      join(client, upstream)
      join(upstream, client)
    })
  }

  function join(from: Socket, to: Socket): void {
    open.add(from)
    from.setNoDelay(true)
    from.pipe(to)
    // Not reset: of a connection that is about to end, Node would leave the handle open, and the process with it.
    from.on('error', () => to.destroy())
    from.on('close', () => {
      open.delete(from)
      to.destroy()
    })
  }

  const server = createServer({ pauseOnConnect: true }, client => {
    client.on('error', () => {})
    turn = (turn + 1) % targets.length
    hand(client, [...targets.slice(turn), ...targets.slice(0, turn)])
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    get refused() {
      return refused
    },
    stop() {
      for (const socket of open) socket.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
