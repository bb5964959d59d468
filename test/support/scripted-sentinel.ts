import { createServer, type Socket } from 'node:net'

/** A sentinel that names a master and says what a test tells it to. */
export interface ScriptedSentinel {
  readonly port: number
  /** How often it was asked for the master. */
  asked(): number
  /** How many listen for failovers. */
  listeners(): number
  /** Keeps the next answers back until the returned function is called. */
  hold(): () => void
  /** Tells all who listen that another server became the master. */
  announce(): void
  stop(): Promise<void>
}

/** Starts one on a free port; the master it names is at `masterPort`. */
export async function scriptSentinel(masterPort: number): Promise<ScriptedSentinel> {
  const sockets = new Set<Socket>()
  const listening = new Set<Socket>()
  let gate: Promise<void> = Promise.resolve()
  let asked = 0
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      listening.delete(socket)
    })
    socket.on('data', async data => {
      for (const words of commandsIn(data.toString())) {
        const [name, what] = words.map(word => word.toLowerCase())
        if (name === 'subscribe') {
          listening.add(socket)
          socket.write(`*3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`)
        } else if (name === 'sentinel' && what === 'get-master-addr-by-name') {
          asked++
          await gate
          socket.write(`*2\r\n${bulk('127.0.0.1')}${bulk(String(masterPort))}`)
        } else if (name === 'sentinel') socket.write('*0\r\n')
        else socket.write(`-ERR unknown command '${name}'\r\n`)
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    asked: () => asked,
    listeners: () => listening.size,
    hold() {
      let open = () => {}
      gate = new Promise(resolve => {
        open = resolve
      })
      return open
    },
    announce() {
      const text = `carnet 127.0.0.1 ${masterPort} 127.0.0.1 ${masterPort}`
      for (const socket of listening) {
        socket.write(`*3\r\n${bulk('message')}${bulk('+switch-master')}${bulk(text)}`)
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

/** The commands in what a client sent, which on loopback comes in whole. */
function commandsIn(text: string): string[][] {
  return text
    .split(/^\*\d+\r\n/m)
    .slice(1)
    .map(command => command.split('\r\n').filter((_, index) => index % 2 === 1))
}
