import { addressPrefix, CarnetError, sessionHandle } from '@carnet/protocol'
import type { AgentRequest } from './exchange.ts'
import { clientAt, type Place } from './place.ts'

/** Tells the audit log why a ticket was refused here. */
export function reportRefusal(place: Place, request: AgentRequest, error: unknown): void {
  if (!(error instanceof CarnetError) || error.status >= 500) return
  place.reporter.note({
    event: 'ticket_refused',
    outcome: error.code,
    prefix: addressPrefix(clientAt(place, request).address) || null,
    session: null,
  })
}

/** Tells the audit log that a session was ended from here. */
export function reportSignOut(place: Place, request: AgentRequest, sid: string): void {
  place.reporter.note({
    event: 'session_revoked',
    outcome: 'ok',
    prefix: addressPrefix(clientAt(place, request).address) || null,
    session: sessionHandle(sid),
  })
}
