import { z } from 'zod'
import { addressPrefix } from './binding.ts'
import { type ErrorCode, STATUS_BY_CODE } from './errors.ts'

/** What an agent tells the auth service for its audit log. */
export interface Report {
  readonly event: 'ticket_refused' | 'session_revoked'
  /** `ok` of what was revoked, the code of the refusal otherwise. */
  readonly outcome: ErrorCode | 'ok'
  /** The client's network, as `addressPrefix` gives it; null where its address is not known. */
  readonly prefix: string | null
  /** The session's handle, or null. */
  readonly session: string | null
  /** Ms since epoch, on the store's clock. */
  readonly at: number
}

/** A report, and the site whose agent it is from. */
export interface SiteReport {
  readonly site: string
  readonly report: Report
}

const codes = ['ok', ...Object.keys(STATUS_BY_CODE)] as (ErrorCode | 'ok')[]

/** A report as sites send it. */
export const reportShape: z.ZodType<Report> = z
  .strictObject({
    event: z.enum(['ticket_refused', 'session_revoked']),
    outcome: z.enum(codes),
    prefix: z
      .string()
      .min(1)
      .max(64)
      .refine(prefix => addressPrefix(prefix.split('/', 1)[0] ?? '') === prefix)
      .nullable(),
    session: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .nullable(),
    at: z.int().nonnegative(),
  })
  // A refusal that calls itself a success would go round the bounds of the audit log.
  .refine(({ event, outcome }) => (event === 'session_revoked') === (outcome === 'ok'))

/** Reads a report as it was stored; null for anything else, since sites are trusted less than the auth service. */
export function parseReport(stored: string): Report | null {
  try {
    return reportShape.safeParse(JSON.parse(stored)).data ?? null
  } catch {
    return null
  }
}
