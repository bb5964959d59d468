import type { SessionRecord, User } from '../session-record.ts'
import type { TicketRecord } from '../ticket-record.ts'

/** A ticket on its way into the store. `until` is an absolute moment of the store's clock, in ms. */
export interface NewTicket {
  readonly ticket: string
  readonly record: TicketRecord
  readonly until: number
}

/** What burning a ticket gave: its record, and the session it stands for or null where that has ended. */
export interface BurntTicket {
  readonly record: TicketRecord
  readonly session: SessionRecord | null
}

/**
 * The verbs of the protocol. Absence is `null` (or `false`); a store that cannot answer in time throws
 * `store_unavailable`, and then nobody knows whether the verb was carried out: a redeem is never tried again,
 * a revoke may be.
 */
export interface Store {
  /** The store's clock, ms since epoch. Every moment in a record is on it. Throws `store_unavailable` before the first contact. */
  now(): number
  /** Writes a session that ends at `until` unless touched; one that is there stays. False where the sid was revoked. */
  start(sid: string, session: SessionRecord, until: number): Promise<boolean>
  read(sid: string): Promise<SessionRecord | null>
  /** Until when each of some sessions lives unless touched, null for each that is gone. One round trip. */
  ends(sids: readonly string[]): Promise<(number | null)[]>
  /** Puts another state of the user into a live session, unless a later one is there. False where it is gone. */
  renew(sid: string, user: User, revision: number): Promise<boolean>
  /** Moves the end of a live session to `until`, never nearer. False where there is no such session. */
  touch(sid: string, until: number): Promise<boolean>
  /**
   * Ends a session for every site and tells all who listen. Where its browser is remembered, that is kept in mind for
   * as long; where the session is gone and nobody can say, until `rememberUntil`. False where it had ended already.
   */
  revoke(sid: string, rememberUntil: number): Promise<boolean>
  /** Whether a session was revoked, as far as that is kept in mind. */
  wasRevoked(sid: string): Promise<boolean>
  /** Writes tickets of one session, in one round trip however many. A write that arrives after `until` leaves nothing. */
  issue(tickets: readonly NewTicket[]): Promise<void>
  /** Burns a ticket: of any number of parallel calls exactly one gets it. Null where it is unknown, expired or used. */
  redeem(ticket: string): Promise<BurntTicket | null>
  /** Calls `listener` with the handle (`sessionHandle`) of every session revoked from now on. Returns the way to stop. */
  onRevoked(listener: (handle: string) => void): Promise<() => Promise<void>>
  /** Resolves when the store answers; throws `store_unavailable`. */
  ping(): Promise<void>
  close(): Promise<void>
}
