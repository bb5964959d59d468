import { hash } from 'node:crypto'
import { tagOf } from '../session-record.ts'

// A session and its tickets share the hash tag in braces, and so one slot of a Redis Cluster:
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags

export function sessionKey(sid: string): string {
  const tag = tagOf(sid)
  return `carnet:s:{${tag}}${sid.slice(tag.length)}`
}

/** Present while a revoked session's browser could come back by being remembered. */
export function tombstoneKey(sid: string): string {
  const tag = tagOf(sid)
  return `carnet:r:{${tag}}${sid.slice(tag.length)}`
}

/** Named by the site in the ticket's text and the ticket's hash: who reads the store's keys holds no ticket. */
export function ticketKey(ticket: string): string {
  const [site, tag] = ticket.split('.', 2)
  return `carnet:t:${site}:{${tag}}:${hash('sha256', ticket, 'base64url')}`
}

/** The channel on which handles of revoked sessions are published. */
export const REVOKED_CHANNEL = 'carnet:revoked'
