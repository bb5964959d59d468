import { z } from 'zod'
import type { BindingMode } from '../binding.ts'
import { type ContentFault, takenTwice } from './taken-twice.ts'

/** How a site is signed in right after a sign-in elsewhere; the bounce works beside each. */
export type FanOut = 'pull' | 'push' | 'none'

/** One site of the manifest, durations in ms. */
export interface Site {
  readonly id: string
  readonly name: string
  readonly origin: string
  readonly aliases: readonly string[]
  readonly fanOut: FanOut
  readonly silent: boolean
  /** Whether people are asked, once a session, before they are signed in here. */
  readonly ask: boolean
  readonly signInForm: boolean
  /** What the service's pages show to who comes from this site, in place of the general brand. */
  readonly brand: Partial<Brand>
  /** Life of a ticket for this site. */
  readonly ticket: { readonly ttl: number }
}

/** How pages look. */
export interface Brand {
  readonly name: string
  readonly accent: string
  /** A `data:` URL, or a file beside the manifest. */
  readonly logo: string | null
}

/** The deploy manifest, checked, durations in ms. */
export interface Manifest {
  /** The public URL of the auth service, without a slash at its end: an origin, or a path below one. */
  readonly auth: string
  readonly brand: Brand
  readonly session: { readonly idle: number; readonly absolute: number; readonly remember: number }
  readonly accounts: {
    readonly signUp: 'open' | 'private' | 'closed'
    /** `cost` is bcrypt's: each step more doubles the time of a sign-in. */
    readonly password: { readonly minLength: number; readonly cost: number }
    readonly credentials: string | null
  }
  readonly ticket: { readonly ttl: number; readonly binding: BindingMode }
  readonly sites: readonly Site[]
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Reads `3s`, `20m`, `12h`, `30d` or `500ms` into ms; NaN for anything else. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  if (match === null) return Number.NaN
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}

function duration(fallback: string, least: string, most: string) {
  return z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'must be a duration such as 3s, 20m, 12h or 30d')
    .refine(
      text => !(parseDuration(text) < parseDuration(least) || parseDuration(text) > parseDuration(most)),
      `must lie between ${least} and ${most}`,
    )
    .default(fallback)
    .describe(`A duration between ${least} and ${most}. Default: ${fallback}.`)
}

/** Whether a host may be used over plain http: this machine's own names only. */
export function isLocalhost(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost')
}

const origin = z.string().superRefine((value, context) => {
  const fault = originFault(value)
  if (fault !== null) context.addIssue({ code: 'custom', message: fault })
})

function originFault(value: string): string | null {
  if (!URL.canParse(value)) return 'must be an origin such as https://shop.example'
  const url = new URL(value)
  if (url.protocol !== 'https:' && (url.protocol !== 'http:' || !isLocalhost(url.hostname))) {
    return 'must begin with https:// (http:// is for localhost and *.localhost only)'
  }
  if (url.hostname.includes('*')) return 'must name one host: there are no wildcards'
  if (url.origin !== value) return `must be an origin and nothing more: ${url.origin}`
  return null
}

const auth = z.string().superRefine((value, context) => {
  const { pathname, origin } = URL.canParse(value) ? new URL(value) : { pathname: '/', origin: value }
  const path = pathname === '/' ? '' : pathname
  const fault = originFault(value.endsWith(path) ? value.slice(0, value.length - path.length) : value)
  if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  else if (!/^(\/[a-z0-9-]+)*$/.test(path))
    context.addIssue({ code: 'custom', message: `must have a plain path, if any: ${origin}/login` })
})

const colour = z.string().regex(/^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/, 'must be a colour such as "#0a66c2"')
const logo = z
  .string()
  .max(200_000)
  .refine(
    value => !/^[a-z]+:/i.test(value) || value.startsWith('data:image/'),
    'must be a file beside the manifest, or a data:image/… URL: a page that takes passwords loads nothing from elsewhere',
  )
  .describe('A file beside the manifest, or a data: URL.')

const site = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 of a-z, 0-9 and -, beginning with a letter')
    .refine(id => id !== 'auth', '"auth" is the auth service itself')
    .describe('The id of the site, in its tickets and in CARNET_SITE.'),
  name: z.string().min(1).max(80).optional().describe('For people. Default: the host name.'),
  origin: origin.describe('The public origin of the site.'),
  aliases: z
    .array(origin)
    .default([])
    .describe('Further origins of the same site, each with its own cookies.'),
  fanOut: z
    .enum(['pull', 'push', 'none'])
    .optional()
    .describe('How the site is signed in right after a sign-in elsewhere. Default: pull; none, with ask.'),
  silent: z.boolean().default(false).describe('Whether public pages try a silent bounce.'),
  ask: z
    .boolean()
    .default(false)
    .describe('Whether people are asked, once a session, before they are signed in here. No pixel can ask.'),
  signInForm: z.boolean().default(false).describe("Whether the site's own page may take passwords."),
  brand: z
    .strictObject({ name: z.string().min(1).max(80), accent: colour, logo })
    .partial()
    .default({})
    .describe("What the auth service's pages show to who comes from this site."),
  ticket: z.strictObject({ ttl: duration('3s', '1s', '60s').optional() }).optional(),
})

const manifest = z.strictObject({
  auth: auth.describe('The public URL of the auth service: an origin, or a path below one.'),
  brand: z
    .strictObject({
      name: z.string().min(1).max(80).default('Carnet'),
      accent: colour.default('#0a66c2'),
      logo: logo.optional(),
    })
    .prefault({}),
  session: z
    .strictObject({
      idle: duration('20m', '1s', '30d').describe('A session unused for so long ends.'),
      absolute: duration('12h', '1s', '365d').describe('A session ends after so long, used or not.'),
      remember: duration('30d', '1h', '365d').describe('How long a browser is remembered.'),
    })
    .prefault({}),
  accounts: z
    .strictObject({
      signUp: z.enum(['open', 'private', 'closed']).default('open'),
      password: z
        .strictObject({
          minLength: z
            .number()
            .int('must be a whole number')
            .min(8, 'must be at least 8 (NIST SP 800-63B-4)')
            .max(64, 'must be at most 64')
            .default(15),
          cost: z
            .number()
            .int('must be a whole number')
            .min(10, 'must be at least 10')
            .max(15, 'must be at most 15: more would take seconds')
            .default(12)
            .describe(
              "bcrypt's cost: each step more doubles the time of a sign-in. Default: 12, some 300 ms.",
            ),
        })
        .prefault({}),
      credentials: z
        .string()
        .refine(isBackend, 'must begin with https:// (http:// is for localhost and *.localhost only)')
        .optional()
        .describe('An existing backend to ask instead of the own table.'),
    })
    .prefault({}),
  ticket: z
    .strictObject({
      ttl: duration('3s', '1s', '60s').describe('The life of a ticket.'),
      binding: z
        .enum(['exact', 'prefix', 'log', 'off'])
        .default('prefix')
        .describe('How exactly a ticket asks for the address it was issued to.'),
    })
    .prefault({}),
  sites: z.array(site).min(1, 'needs at least one site'),
})

function isBackend(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, hostname, username, password } = new URL(value)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLocalhost(hostname))
}

/** Checks parsed YAML; every fault at once. */
export function checkManifest(content: unknown): Manifest | ContentFault[] {
  const checked = manifest.safeParse(content)
  const faults = [...(checked.error?.issues.flatMap(toFaults) ?? []), ...takenTwice(content)]
  if (!checked.success || faults.length > 0) return faults
  const normal = normalize(checked.data)
  const contradictions = contradictionsIn(normal)
  return contradictions.length > 0 ? contradictions : normal
}

/** The JSON Schema (draft 2020-12) of the manifest, for editors. */
export function manifestJsonSchema(): object {
  return z.toJSONSchema(manifest, { io: 'input' })
}

function toFaults(issue: z.core.$ZodIssue): ContentFault[] {
  const path = issue.path.filter(part => typeof part !== 'symbol')
  if (issue.code !== 'unrecognized_keys') {
    return [{ path, unknownKey: null, knownKeys: [], message: explain(issue) }]
  }
  return issue.keys.map(unknownKey => ({
    path,
    unknownKey,
    knownKeys: keysAt(path),
    message: `unknown key "${unknownKey}"`,
  }))
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`
  if (issue.code !== 'invalid_type') return issue.message
  if (issue.message.endsWith('received undefined')) return 'is missing'
  return `must be a ${issue.expected}${DURATIONS.test(String(issue.path.at(-1))) ? ' such as 20m' : ''}`
}

const DURATIONS = /^(idle|absolute|remember|ttl)$/

function keysAt(path: readonly (string | number)[]): string[] {
  let schema: unknown = manifestJsonSchema()
  for (const part of path) {
    const { properties, items } = schema as { properties?: Record<string, unknown>; items?: unknown }
    schema = typeof part === 'number' ? items : properties?.[part]
    if (schema === undefined) return []
  }
  return Object.keys((schema as { properties?: object }).properties ?? {})
}

function normalize(data: z.output<typeof manifest>): Manifest {
  const ttl = parseDuration(data.ticket.ttl)
  return {
    auth: data.auth,
    brand: { ...data.brand, logo: data.brand.logo ?? null },
    session: {
      idle: parseDuration(data.session.idle),
      absolute: parseDuration(data.session.absolute),
      remember: parseDuration(data.session.remember),
    },
    accounts: { ...data.accounts, credentials: data.accounts.credentials ?? null },
    ticket: { ttl, binding: data.ticket.binding },
    sites: data.sites.map(site => ({
      ...site,
      fanOut: site.fanOut ?? (site.ask ? 'none' : 'pull'),
      brand: site.brand as Partial<Brand>,
      name: site.name ?? new URL(site.origin).hostname,
      ticket: { ttl: site.ticket?.ttl === undefined ? ttl : parseDuration(site.ticket.ttl) },
    })),
  }
}

function contradictionsIn(manifest: Manifest): ContentFault[] {
  const faults: ContentFault[] = []
  const fault = (path: (string | number)[], message: string) =>
    faults.push({ path, unknownKey: null, knownKeys: [], message })
  const { idle, absolute } = manifest.session
  if (idle > absolute) fault(['session', 'idle'], 'must not be longer than session.absolute')
  manifest.sites.forEach(({ ask, fanOut }, index) => {
    if (ask && fanOut !== 'none')
      fault(['sites', index, 'fanOut'], 'must be none where ask is true: no pixel can ask')
  })
  if (manifest.auth.startsWith('http:')) return faults
  manifest.sites.forEach(({ origin, aliases }, index) => {
    ;[origin, ...aliases].forEach((each, nth) => {
      const path = nth === 0 ? ['sites', index, 'origin'] : ['sites', index, 'aliases', nth - 1]
      if (each.startsWith('http:')) fault(path, 'must begin with https://, as auth does')
    })
  })
  return faults
}
