import { hash } from 'node:crypto'
import { tagOf } from '../session-record.ts'

// A session, its tombstone and its tickets share the hash tag in braces, and so one slot of a Redis Cluster:
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

/** The set of the sites that a session was taken to whose agents ask the auth service for it. */
export function admittedKey(sid: string): string {
  const tag = tagOf(sid)
  return `carnet:a:{${tag}}${sid.slice(tag.length)}`
}

/** Present once a site has said a nonce. */
export function nonceKey(site: string, nonce: string): string {
  return `carnet:n:${site}:${nonce}`
}

/** Named by the site in the ticket's text and the ticket's hash: who reads the store's keys holds no ticket. */
export function ticketKey(ticket: string): string {
  const [site, tag] = ticket.split('.', 2)
  return `carnet:t:${site}:{${tag}}:${hash('sha256', ticket, 'base64url')}`
}

// What concerns all sessions is spread over lanes, by the first digit of a session's handle: sixteen on a cluster, so
// that no node carries all of it, and one elsewhere.

/** The digits that lanes are named by. */
export function lanes(cluster: boolean): readonly string[] {
  return cluster ? [...'0123456789abcdef'] : ['0']
}

/** The lane of a session, by its handle. */
export function laneOf(handle: string, cluster: boolean): string {
  return cluster ? handle.charAt(0) : '0'
}

/** The set of handles that were revoked at sites and that the auth service has not noted yet. */
export function unnotedKey(lane: string): string {
  return `carnet:unnoted:{${lane}}`
}

/** How many reports of a site are kept that nobody has taken. */
export const MOST_REPORTS = 1_000

/** The list of what the agent of a site has to tell the audit log. Each site has its own, so that none speaks for another. */
export function reportsKey(site: string): string {
  return `carnet:reports:{${site}}`
}

/** The channel on which handles are published that are to be forgotten. */
export function forgetChannel(lane: string): string {
  return `carnet:forget:{${lane}}`
}

/** The channel on which the auth service shows that it and the link live. */
export function beatChannel(lane: string): string {
  return `carnet:beat:{${lane}}`
}

/** Present where the auth service has put in order what a master knows, under its present reign. */
export function reignKey(reign: string): string {
  return `carnet:reign:${reign}`
}
