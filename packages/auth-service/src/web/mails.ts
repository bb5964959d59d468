import { CarnetError, findSite } from '@carnet/protocol'
import { deviceName } from '../accounts/device.ts'
import { networkOf } from '../accounts/sessions.ts'
import type { MailDetails, NewMail } from '../mail/outbox.ts'
import type { Ctx, Desk } from './context.ts'

const LEAST_APART_MS = 60_000
const MOST_AN_HOUR = 5
const HOUR_MS = 3_600_000

/** What a mail has to know of the request that asked for it: the language, and the site whose look it bears. */
export function mailDetails(
  desk: Desk,
  ctx: Ctx,
  more: Omit<MailDetails, 'language' | 'site'> = {},
): MailDetails {
  const { site } = ctx.query
  const known = typeof site === 'string' && findSite(desk.manifest.current, site) !== null
  return { language: ctx.state.language, ...(known && { site }), ...more }
}

/** Where a request comes from, as its person knows the place. */
export function whereOf(ctx: Ctx): { device: string; network: string; at: number } {
  return {
    device: deviceName(ctx.get('User-Agent')),
    network: networkOf(ctx.state.client.address),
    at: Date.now(),
  }
}

/**
 * Sends a mail, unless the address was sent its kind a minute ago, or five times within the hour, whether or not it has
 * an account. Throws `rate_limited`.
 */
export async function putLimited(desk: Desk, mail: NewMail): Promise<void> {
  const { insteadOf = mail.kind } = mail.details
  const asked = (await desk.outbox.asked(insteadOf, mail.address)).filter(ago => ago < HOUR_MS)
  const [latest] = asked
  const oldest = asked[MOST_AN_HOUR - 1]
  const wait = Math.max(
    latest === undefined ? 0 : LEAST_APART_MS - latest,
    oldest === undefined ? 0 : HOUR_MS - oldest,
  )
  const limited = { ...mail, details: { ...mail.details, limited: true } }
  if (wait <= 0 && (await desk.outbox.put(limited))) return
  const retryAfter = Math.ceil(Math.max(wait, 1_000) / 1000)
  throw new CarnetError('rate_limited', 'A mail was sent a moment ago.', { retryAfter })
}
