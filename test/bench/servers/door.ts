import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ask } from '../ask.ts'
import { SESSIONS, type SignedIn } from './served.ts'

const AT_ONCE = 16

/**
 * Signs everybody in over HTTP, so that each library makes its sessions and cookies itself. The listener signs in the
 * user whose number is the path, `/17`, and answers with the user's id.
 */
export async function signInEverybody(
  listener: RequestListener,
  people: number = SESSIONS,
): Promise<SignedIn[]> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const signedIn: SignedIn[] = []
  let next = 0
  const repeat = async () => {
    for (let index = next++; index < people; index = next++) {
      const { status, body, cookie } = await ask(port, `/${index}`)
      if (status !== 200 || cookie === '') throw new Error(`Sign-in ${index} was answered ${status}: ${body}`)
      signedIn.push({ path: '/', cookie, userId: body })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, repeat))
  server.close()
  server.closeAllConnections()
  return signedIn
}

/** The number that a request at the door names. */
export function numberOf(url: string | undefined): number {
  return Number(url?.slice(1))
}
