import type { Report, SiteReport } from '../report.ts'
import type { SessionRecord, User } from '../session-record.ts'
import type { TicketRecord } from '../ticket-record.ts'

/** A ticket on its way into the store. `until` is an absolute moment of the store's clock, in ms. */
export interface NewTicket {
  readonly ticket: string
  readonly record: TicketRecord
  readonly until: number
}

/** A session that is used: until when it lives now, an absolute moment of the store's clock, in ms. */
export interface Touch {
  readonly sid: string
  readonly until: number
}

/** What burning a ticket gave: its record, and the session it stands for or null where that has ended. */
export interface BurntTicket {
  readonly record: TicketRecord
  readonly session: SessionRecord | null
}

/** How a session is revoked. */
export interface Revocation {
  /** Until when it is kept in mind, should the session be gone and nobody can say whether its browser is remembered. */
  readonly rememberUntil: number
  /**
   * True where SQL has it already. Otherwise it is entered for the auth service to note, and is acknowledged only where
   * it outlives the loss of a master.
   */
  readonly noted: boolean
}

/** Told to forget what it knows of sessions. */
export interface Watcher {
  /** The session of this handle was revoked, or its user changed; `ended` tells which, for one session perhaps more than once. */
  forget(handle: string, ended?: boolean): void
  /** Something may have been missed: all that was known counts no longer. */
  forgetAll(): void
}

/** A watch that is kept on the store. */
export interface Watch {
  /**
   * Whether nothing can have been missed about sessions whose handles begin with this hex digit, 0 to 15: what the auth
   * service says came through within the last 2 s.
   */
  isCurrent(digit: number): boolean
  /** For how many ms more that holds if nothing else is heard; 0 where it does not. */
  currentFor(digit: number): number
  stop(): Promise<void>
}

/**
 * The verbs of the protocol that agents use. Absence is `null` (or `false`); a store that cannot answer in time throws
 * `store_unavailable`, and then nobody knows whether the verb was carried out: a redeem is never tried again,
 * a revoke may be.
 */
export interface AgentStore {
  /** The store's clock, ms since epoch. Every moment in a record is on it. Throws `store_unavailable` before the first contact. */
  now(): number
  read(sid: string): Promise<SessionRecord | null>
  /** Moves the ends of live sessions, never nearer, in one round trip however many. False for each that is gone. */
  touch(touches: readonly Touch[]): Promise<boolean[]>
  /** Burns a ticket: of any number of parallel calls exactly one gets it. Null where it is unknown, expired or used. */
  redeem(ticket: string): Promise<BurntTicket | null>
  /** Burns a ticket of another site, unread. False where it is unknown, expired or used. */
  burn(ticket: string): Promise<boolean>
  /**
   * Ends a session for every site and tells all who watch. Where its browser is remembered, that is kept in mind for
   * as long. False where it had ended already.
   */
  revoke(sid: string, revocation: Revocation): Promise<boolean>
  /** Tells `watcher` of every change from now on. */
  watch(watcher: Watcher): Watch
  /** Tells the audit log what happened at a site. Of what nobody has taken, the latest 1,000 are kept, for a day. */
  report(site: string, reports: readonly Report[]): Promise<void>
  /** Resolves when the store answers; throws `store_unavailable`. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** All verbs of the protocol, as the auth service uses them. */
export interface Store extends AgentStore {
  /** Writes a session that ends at `until` unless touched; one that is there stays. False where the sid was revoked. */
  start(sid: string, session: SessionRecord, until: number): Promise<boolean>
  /** Until when each of some sessions lives unless touched, null for each that is gone; in one round trip. */
  ends(sids: readonly string[]): Promise<(number | null)[]>
  /** Puts another state of the user into a live session, unless a later one is there, and tells all who watch. False where it is gone. */
  renew(sid: string, user: User, revision: number): Promise<boolean>
  /** Whether a session was revoked, as far as that is kept in mind. */
  wasRevoked(sid: string): Promise<boolean>
  /** Writes tickets of one session, in one round trip however many. A write that arrives after `until` leaves nothing. */
  issue(tickets: readonly NewTicket[]): Promise<void>
  /** Keeps in mind that a session was taken to a site whose agent asks the auth service for it, `until` an absolute moment in ms. */
  admit(sid: string, site: string, until: number): Promise<void>
  /** For each session whether it was. */
  admitted(sids: readonly string[], site: string): Promise<boolean[]>
  /** True the first time that a site says a nonce; it is kept in mind until that moment. */
  once(site: string, nonce: string, until: number): Promise<boolean>
  /** Some handles of sessions that were revoked and that nobody has noted yet. */
  unnoted(): Promise<string[]>
  /** Says that these were noted where they outlive the store. */
  noted(handles: readonly string[]): Promise<void>
  /**
   * Takes what these sites' agents have told the audit log: each report once, in its order, and none that is malformed.
   * `dropped` hears of each site that had told so much that all of it was thrown away, unread. Throws `store_unavailable`
   * where no site's could be taken.
   */
  reports(sites: readonly string[], dropped?: (site: string) => void): Promise<SiteReport[]>
  /**
   * Shows all who watch that auth service and link live: at least every 400 ms. Throws `store_unavailable` also where
   * the store takes no writes.
   */
  beat(): Promise<void>
  /** Whether the store throws away what it holds when its memory is full; false until that is known. */
  evicts(): boolean
  /**
   * Takes the store into care: nothing is read from a master that has started or was promoted before `replay` has
   * brought it what it may have lost. Throws nothing; a replay that fails is tried again.
   */
  keep(replay: () => Promise<void>): void
}
