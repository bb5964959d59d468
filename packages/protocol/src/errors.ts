/** Every refusal a caller may meet, with its HTTP status. The codes are stable; the messages are not. */
export const STATUS_BY_CODE = {
  ticket_missing: 400,
  ticket_unknown: 401,
  ticket_wrong_site: 401,
  ticket_wrong_client: 401,
  state_mismatch: 403,
  other_user: 409,
  pixel_blocked: 403,
  signed_out: 401,
  session_gone: 401,
  invalid_credentials: 401,
  invalid_input: 400,
  email_taken: 409,
  email_unverified: 403,
  forbidden: 403,
  rate_limited: 429,
  csrf: 403,
  unknown_site: 400,
  bad_signature: 401,
  store_unavailable: 503,
  not_found: 404,
  method_not_allowed: 405,
  internal: 500,
} as const

/** A stable error code, as it leaves in `error` of a JSON answer and in the `Carnet-Error` header. */
export type ErrorCode = keyof typeof STATUS_BY_CODE

/** What the log may know beyond the code, and what the caller may be told beside it. */
export interface CarnetErrorDetails {
  /** For `invalid_input`: a message per field, safe to show. */
  fields?: Readonly<Record<string, string>>
  /** Seconds after which asking again makes sense; sent as `Retry-After`. */
  retryAfter?: number
  /** True where the message is in the caller's language already. Default: false. */
  localized?: boolean
  /** For the log only, never for the caller. */
  cause?: unknown
}

/** A refusal with a stable code. A programmer's mistake is a `TypeError` instead. */
export class CarnetError extends Error {
  override readonly name = 'CarnetError'
  readonly code: ErrorCode
  /** The HTTP status that hangs on the code. */
  readonly status: number
  readonly fields: Readonly<Record<string, string>> | null
  /** Whether the message is in the caller's language already. */
  readonly localized: boolean
  /** Seconds, or null where the code says nothing of time. */
  readonly retryAfter: number | null

  constructor(code: ErrorCode, message: string, details: CarnetErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.status = STATUS_BY_CODE[code]
    this.fields = details.fields ?? null
    this.localized = details.localized ?? false
    this.retryAfter = details.retryAfter ?? (this.status === 503 || this.status === 429 ? 1 : null)
  }
}
