import { Agent, request } from 'node:http'

/** What a server has answered. */
export interface Answered {
  readonly status: number
  readonly body: string
  /** The cookies that it set, as a browser would send them back: `a=1; b=2`. */
  readonly cookie: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 })

/** Asks a server on this machine by GET, with the headers that the load sends too. `cookie` may be empty. */
export function ask(port: number, path: string, cookie = ''): Promise<Answered> {
  const headers = { host: 'shop.localhost', 'user-agent': 'bench', ...(cookie !== '' && { cookie }) }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path, headers }, answer => {
      let body = ''
      answer.setEncoding('latin1')
      answer.on('data', chunk => {
        body += chunk
      })
      answer.on('end', () => {
        const set = answer.headers['set-cookie'] ?? []
        resolve({
          status: answer.statusCode ?? 0,
          body,
          cookie: set.map(line => line.split(';', 1)[0]).join('; '),
        })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}
