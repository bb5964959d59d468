import { Agent, request } from 'node:http'

/** Sends requests one after another over one kept connection; tells how long each answer took, in ms. */
export class Stopwatch {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  /** Posts JSON. Throws where the status is not the expected one. */
  post(url: string, body: unknown, expected: number): Promise<number> {
    const { host, port, pathname } = new URL(url)
    const text = JSON.stringify(body)
    const headers = { host, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    return new Promise((resolve, reject) => {
      const begunAt = performance.now()
      const sent = request(
        { agent: this.#agent, host: '127.0.0.1', port, path: pathname, method: 'POST', headers },
        answer => {
          if (answer.statusCode !== expected) reject(new Error(`${url} answered ${answer.statusCode}.`))
          answer.resume()
          answer.on('end', () => resolve(performance.now() - begunAt))
        },
      )
      sent.on('error', reject)
      sent.end(text)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/**
 * Times two kinds of things in pairs, each second pair the other way round, so that neither is always the first; the
 * 5th percentile of each kind, since noise only ever adds.
 */
export async function fifthPercentiles(
  pairs: number,
  first: (pair: number) => Promise<number>,
  second: (pair: number) => Promise<number>,
): Promise<[number, number]> {
  const kinds = [first, second] as const
  const times: [number[], number[]] = [[], []]
  for (let pair = 0; pair < pairs; pair++) {
    const order = pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)
    for (const kind of order) times[kind].push(await kinds[kind](pair))
  }
  const at = Math.floor(pairs / 20)
  const [a, b] = times.map(each => each.sort((x, y) => x - y)[at] ?? Number.NaN)
  return [a ?? Number.NaN, b ?? Number.NaN]
}
