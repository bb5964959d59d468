import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { Agent, AgentRequest, Answer } from '@carnet/site-agent'

/** How a stack serves its example, with the workshop's pages beside it: what apps do that an agent must not disturb. */
export type Serve = (agent: Agent, streams: Streams) => RequestListener | Promise<RequestListener>

/** Five megabytes without a pattern that a chunk's border could hide. */
export const BIG: Buffer = Buffer.from(Uint32Array.from({ length: 1_310_720 }, (_, i) => i).buffer)

/** The digest of what a stream brings. */
export async function digest(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}

/** A body in two halves: the second comes once who reads the first has said so. */
export class Streams {
  #release: () => void = () => {}

  release(): void {
    this.#release()
  }

  async *body(): AsyncGenerator<Buffer> {
    const released = new Promise<void>(resolve => {
      this.#release = resolve
    })
    yield Buffer.from('first half, ')
    await released
    yield Buffer.from('second half')
  }
}

/** The same agent with one route more, `/api/fields`, which answers what it was handed of the body. */
export function withFields(agent: Agent): Agent {
  const handle = async (request: AgentRequest): Promise<{ answer: Answer }> => {
    const told = await request.fields?.().catch((error: Error) => ({ refused: error.message }))
    return { answer: { status: 200, headers: {}, cookies: [], body: JSON.stringify(told) } }
  }
  return new Proxy(agent, {
    get(target, key: keyof Agent) {
      if (key === 'handle') {
        return (request: AgentRequest) =>
          request.target === '/api/fields' ? handle(request) : target.handle(request)
      }
      const value: unknown = target[key]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
