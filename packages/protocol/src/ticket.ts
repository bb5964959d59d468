import { nanoid } from 'nanoid'
import { type BindingMode, type Client, judgeBinding, judgeExact } from './binding.ts'
import { CarnetError } from './errors.ts'
import { type SessionRecord, tagOf } from './session-record.ts'
import type { AgentStore, Store } from './store/store.ts'
import type { TicketRecord } from './ticket-record.ts'

/** A ticket to be issued. `ttl` in ms; `state` null makes it a pushed one. */
export interface TicketRequest {
  readonly site: string
  readonly ttl: number
  readonly state: string | null
}

/** Who shows a ticket, where, and with what. */
export interface Redemption {
  /** The agent's own site, from its configuration, never from the request. */
  readonly site: string
  readonly client: Client
  readonly binding: BindingMode
  /** SHA-256 of the nonce that this browser holds; null where it holds none. Not asked for by a pushed ticket. */
  readonly state: string | null
  /** Whether a pushed ticket may be taken here: at the pixel of a `push` site. */
  readonly acceptsPushed: boolean
}

/** A ticket that was good. */
export interface Redeemed {
  readonly sid: string
  readonly session: SessionRecord
  /** True where the browser proved itself by a nonce; false for a pushed ticket. */
  readonly nonceBound: boolean
  /** Set where the client came back in another way than the binding expected, and was let in: for the log. */
  readonly remark: 'cross_family' | 'address_changed' | null
}

const TICKET = /^([a-z0-9-]{1,32})\.[\w-]{8}\.[\w-]{24}$/

/** The site id that a ticket names, or null where the value cannot be a ticket. */
export function siteOfTicket(value: string): string | null {
  return TICKET.exec(value)?.[1] ?? null
}

/**
 * Issues one ticket per request, all in one round trip, bound to the client. Each reads `<site>.<tag>.<random>`,
 * its random part 144 bits (nanoid's default of 21 characters would be 126). Throws `store_unavailable`.
 */
export async function issueTickets(
  store: Store,
  sid: string,
  client: Client,
  requests: readonly TicketRequest[],
): Promise<string[]> {
  // The end is fixed before the write sets out, so that a write that arrives late is dead on arrival.
  const now = store.now()
  const tickets = requests.map(({ site, ttl, state }) => ({
    ticket: `${site}.${tagOf(sid)}.${nanoid(24)}`,
    record: {
      sid,
      site,
      binding: { address: client.address, userAgent: client.userAgent },
      nonceHash: state,
    },
    until: now + ttl,
  }))
  await store.issue(tickets)
  return tickets.map(({ ticket }) => ticket)
}

/**
 * Burns a ticket, then judges it. Throws `ticket_unknown` (also for used and expired: they look alike),
 * `ticket_wrong_site`, `state_mismatch`, `ticket_wrong_client`, `session_gone`, `store_unavailable`.
 */
export async function redeemTicket(store: AgentStore, ticket: string, shown: Redemption): Promise<Redeemed> {
  const site = siteOfTicket(ticket)
  if (site === null) throw unknown()
  // Burn first, judge after: a ticket shown at the wrong site, by the wrong client or without its nonce is spent too.
  if (site !== shown.site) {
    if (!(await store.burn(ticket))) throw unknown()
    throw new CarnetError('ticket_wrong_site', 'This ticket is for another site.')
  }
  const burnt = await store.redeem(ticket)
  if (burnt === null) throw unknown()
  const { record, session } = burnt
  const remark = record.nonceHash === null ? judgePushed(record, shown) : judgeNonceBound(record, shown)
  if (session === null) throw new CarnetError('session_gone', 'The session of this ticket has ended.')
  return { sid: record.sid, session, nonceBound: record.nonceHash !== null, remark }
}

function judgePushed(record: TicketRecord, shown: Redemption): null {
  if (!shown.acceptsPushed) {
    throw new CarnetError('state_mismatch', 'This way in asks for a ticket that was bound to this browser.')
  }
  if (!judgeExact(record.binding, shown.client)) throw wrongClient()
  return null
}

function judgeNonceBound(record: TicketRecord, shown: Redemption): Redeemed['remark'] {
  if (shown.state === null || shown.state !== record.nonceHash) {
    throw new CarnetError('state_mismatch', 'This ticket was issued to another browser.')
  }
  const verdict = judgeBinding(record.binding, shown.client, shown.binding)
  if (verdict === 'refused') throw wrongClient()
  return verdict === 'same' ? null : verdict
}

function unknown(): CarnetError {
  return new CarnetError('ticket_unknown', 'This ticket is unknown, expired or used.')
}

function wrongClient(): CarnetError {
  return new CarnetError('ticket_wrong_client', 'This ticket was issued to another client.')
}
