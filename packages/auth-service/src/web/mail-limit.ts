import { CarnetError } from '@carnet/protocol'
import type { MailKind } from '../mail/outbox.ts'
import type { Desk } from './context.ts'

const LEAST_APART_MS = 60_000
const MOST_AN_HOUR = 5
const HOUR_MS = 3_600_000

/**
 * Refuses to send one more mail of a kind to an address: one a minute, five an hour, whether or not the address has an
 * account. Throws `rate_limited`.
 */
export async function limitMail(desk: Desk, kind: MailKind, address: string): Promise<void> {
  const asked = (await desk.outbox.asked(kind, address)).filter(ago => ago < HOUR_MS)
  const [latest] = asked
  if (latest === undefined) return
  const oldest = asked[MOST_AN_HOUR - 1]
  const wait = Math.max(LEAST_APART_MS - latest, oldest === undefined ? 0 : HOUR_MS - oldest)
  if (wait <= 0) return
  throw new CarnetError('rate_limited', 'A mail was sent a moment ago.', {
    retryAfter: Math.ceil(wait / 1000),
  })
}
