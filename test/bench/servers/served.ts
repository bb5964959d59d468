import { createServer, type RequestListener, type Server } from 'node:http'
import type { User } from '@carnet/protocol'
import { ada } from '../../support/people.ts'

/** How many people are signed in at each server under load. */
export const SESSIONS = 10_000

/** How many things that are good once a server has made before the load: more than it can burn in one turn. */
export const TICKETS = 200_000

/** A request that says who sends it. */
export interface SignedIn {
  readonly path: string
  /** May be empty, where the path says it. */
  readonly cookie: string
  /** Whom the answer must name. */
  readonly userId: string
}

/** A server that does not listen yet, and the requests that it is to answer. */
export interface Served {
  readonly server: Server
  readonly requests: readonly SignedIn[]
}

/** Makes a server with everything that it needs. The embedded store is `memory:`; `storeUrl` is that of an auth service on that Redis, which agents are to ask. */
export type Maker = (redisUrl: string, storeUrl?: string) => Promise<Served>

/** A listener that is to answer requests. */
export function served(listener: RequestListener, requests: readonly SignedIn[]): Served {
  return { server: createServer(listener), requests }
}

/** The user of a session; the answer's body is the id, which is equally long for all. */
export function userAt(index: number): User {
  return { ...ada, id: `u-${String(index).padStart(5, '0')}` }
}

/** One user for each session. */
export function everybody(): User[] {
  return Array.from({ length: SESSIONS }, (_, index) => userAt(index))
}
