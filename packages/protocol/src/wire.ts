import { z } from 'zod'
import { type Report, readReport } from './report.ts'
import type { SessionRecord } from './session-record.ts'
import type { BurntTicket, Touch } from './store/store.ts'

// What agents that reach no Redis and the auth service say to each other; `/openapi.json` describes the same.

const sid = z.string().regex(/^[\w-]{32}$/)
const moment = z.int().nonnegative().describe('Milliseconds since the epoch, on the store’s clock.')

const user = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  emailVerified: z.boolean(),
  roles: z.array(z.string()),
})

const session = z.object({
  user,
  startedAt: moment,
  authenticatedAt: moment,
  expiresAt: moment,
  revision: z.int().nonnegative(),
  rememberedUntil: moment,
})

/** The data of the auth service's answers, without the envelope. */
export const answers: {
  readonly time: z.ZodType<{ now: number }>
  readonly session: z.ZodType<SessionRecord>
  readonly burnt: z.ZodType<BurntTicket>
  readonly ended: z.ZodType<{ ended: boolean }>
  readonly live: z.ZodType<{ live: boolean[] }>
  readonly none: z.ZodType<object>
  /** On the stream: for how many ms more sessions are believed, for each first digit of their handles. */
  readonly beat: z.ZodType<{ now: number; left: number[] }>
} = {
  time: z.object({ now: moment }),
  session,
  burnt: z.object({
    record: z.object({
      sid,
      site: z.string(),
      binding: z.object({ address: z.string(), userAgent: z.string() }),
      nonceHash: z.string().nullable(),
    }),
    session: session.nullable(),
  }),
  ended: z.object({ ended: z.boolean() }),
  live: z.object({ live: z.array(z.boolean()) }),
  none: z.object({}),
  beat: z.object({ now: moment, left: z.array(z.number().nonnegative().max(2_000)).length(16) }),
}

/** The bodies of requests. */
export const requests: {
  readonly redeem: z.ZodType<{ ticket: string }>
  readonly touch: z.ZodType<{ touches: Touch[] }>
  readonly reports: z.ZodType<{ reports: Report[] }>
} = {
  redeem: z.strictObject({ ticket: z.string().min(1).max(200) }),
  touch: z.strictObject({
    touches: z.array(z.strictObject({ sid, until: z.int().nonnegative() })).max(250),
  }),
  reports: z.strictObject({
    reports: z
      .array(
        z.unknown().transform((value, context) => {
          const report = readReport(value)
          if (report !== null) return report
          context.addIssue({ code: 'custom', message: 'is no report' })
          return z.NEVER
        }),
      )
      .max(250),
  }),
}
