import { z } from 'zod'
import { type Client, normalizeAddress } from './binding.ts'
import { type Report, reportShape } from './report.ts'
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

const client = z.strictObject({
  address: z
    .string()
    .max(64)
    .refine(address => address === '' || normalizeAddress(address) === address),
  userAgent: z.string().max(64),
  addressUncertain: z.boolean(),
})
const state = z.string().regex(/^[\w~.-]{1,128}$/)

/** A sign-in at a site's own form, as its agent passes it on. */
export interface SiteSignIn {
  /** As they came. */
  readonly fields: Readonly<Record<string, unknown>>
  /** The SHA-256 of a nonce of the agent's own: the ticket for the site is bound to it. */
  readonly state: string
  /** The origin of the site that the form is at. */
  readonly origin: string
  readonly client: Client
  readonly userAgentHeader: string
  /** What the site keeps of the browser since its last sign-in there, or null. */
  readonly device: string | null
}

/** What a site is given for it. */
export interface SiteSignedIn {
  /** For the site itself, which redeems it at once. */
  readonly ownTicket: string
  /** A pushed ticket for the site, where it takes such. */
  readonly ticket: string | null
  /** The pixels of the other sites that need no session at the auth service. */
  readonly fanOut: readonly { readonly site: string; readonly url: string }[]
  /** Where the browser goes for the auth service to take the session over. */
  readonly next: string
  /** What the site is to keep of the browser. */
  readonly device: string
}

/** The data of the auth service's answers, without the envelope. */
export const answers: {
  readonly time: z.ZodType<{ now: number }>
  readonly session: z.ZodType<SessionRecord>
  readonly burnt: z.ZodType<BurntTicket>
  readonly ended: z.ZodType<{ ended: boolean }>
  readonly live: z.ZodType<{ live: boolean[] }>
  readonly none: z.ZodType<object>
  readonly signedIn: z.ZodType<SiteSignedIn>
  readonly ticket: z.ZodType<{ ticket: string }>
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
  signedIn: z.object({
    ownTicket: z.string(),
    ticket: z.string().nullable(),
    fanOut: z.array(z.object({ site: z.string(), url: z.url() })),
    next: z.url(),
    device: z.string(),
  }),
  ticket: z.object({ ticket: z.string() }),
  beat: z.object({ now: moment, left: z.array(z.number().nonnegative().max(2_000)).length(16) }),
}

/** The bodies of requests. */
export const requests: {
  readonly redeem: z.ZodType<{ ticket: string }>
  readonly signIn: z.ZodType<SiteSignIn>
  /** A ticket by which the auth service takes a session over. */
  readonly ticket: z.ZodType<{ sid: string; state: string; client: Client }>
  readonly touch: z.ZodType<{ touches: Touch[] }>
  readonly reports: z.ZodType<{ reports: Report[] }>
} = {
  redeem: z.strictObject({ ticket: z.string().min(1).max(200) }),
  signIn: z.strictObject({
    fields: z.record(z.string(), z.unknown()),
    state,
    origin: z.url().max(300),
    client,
    userAgentHeader: z.string().max(1_024),
    device: z.string().max(1_024).nullable(),
  }),
  ticket: z.strictObject({ sid, state, client }),
  touch: z.strictObject({
    touches: z.array(z.strictObject({ sid, until: z.int().nonnegative() })).max(250),
  }),
  reports: z.strictObject({ reports: z.array(reportShape).max(250) }),
}
