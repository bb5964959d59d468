import { type Client, clientOf, parseTrustProxy, type User } from '@carnet/protocol'

/** A user. */
export const ada: User = {
  id: 'u-ada',
  name: 'Ada',
  email: 'ada@example.com',
  emailVerified: true,
  roles: ['editor'],
}

/** A client at an address. */
export function clientAt(peer: string, headers: Record<string, string> = {}): Client {
  return clientOf({ peer, headers: { 'user-agent': 'test', ...headers } }, parseTrustProxy('none'))
}
