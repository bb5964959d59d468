import type { Binding } from './binding.ts'

/** What the store keeps of a ticket, for as long as the ticket lives. */
export interface TicketRecord {
  readonly sid: string
  /** The id of the site it is for. */
  readonly site: string
  readonly binding: Binding
  /** SHA-256 of the agent's nonce, as the agent sent it in `state`; null for a pushed ticket. */
  readonly nonceHash: string | null
}
