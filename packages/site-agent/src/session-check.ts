import {
  type SessionRecord,
  serializeCookie,
  sessionHandle,
  signSid,
  soleCookie,
  type User,
  verifySid,
} from '@carnet/protocol'
import { type AgentRequest, cookieHeader } from './exchange.ts'
import type { Place } from './place.ts'

/** The session as an app sees it; moments are ms since epoch. */
export interface Session {
  /** A public name of this session: it opens nothing, and is the same at every site. */
  readonly id: string
  readonly user: User
  readonly startedAt: number
  /** When the user last gave a password. */
  readonly authenticatedAt: number
  /** The absolute end. It may end sooner: unused, or signed out anywhere. */
  readonly expiresAt: number
}

/** A live session with the sid that opens it; the sid stays inside the agent. */
export interface OpenSession {
  readonly sid: string
  readonly record: SessionRecord
}

/**
 * The hot path: cookie → signature → store. Null where the request bears no session cookie of this site that opens
 * a live session. Throws `store_unavailable`.
 */
export async function checkSession(place: Place, request: AgentRequest): Promise<OpenSession | null> {
  const value = soleCookie(cookieHeader(request), place.names.session)
  const sid = value === null ? null : verifySid(place.signer, value)
  if (sid === null) return null
  const record = await place.store.read(sid)
  if (record === null) return null
  place.toucher.touch(sid, record, place.current.session.idle)
  return { sid, record }
}

/** What an app may see of an open session. */
export function toSession({ sid, record }: OpenSession): Session {
  const { user, startedAt, authenticatedAt, expiresAt } = record
  return { id: sessionHandle(sid), user, startedAt, authenticatedAt, expiresAt }
}

/** The session cookie of this site. */
export function newSessionCookie(place: Place, sid: string): string {
  return serializeCookie({
    name: place.names.session,
    value: signSid(place.signer, sid),
    sameSite: 'Lax',
    secure: place.names.secure,
  })
}

/** Drops the session cookie. */
export function dropSessionCookie(place: Place): string {
  const { session: name, secure } = place.names
  return serializeCookie({ name, value: '', sameSite: 'Lax', secure, maxAge: 0 })
}
