import { createHmac } from 'node:crypto'
import { CarnetError, type Secrets, siteSecrets } from '@carnet/protocol'
import { z } from 'zod'
import { normalizeEmail } from './email.ts'

const DEADLINE_MS = 3_000

/** A user as a backend knows it. */
export interface KnownUser {
  readonly externalId: string
  readonly email: string
  readonly name: string
  readonly emailVerified: boolean
  /** Absent where the backend says nothing of roles: those given here stay. */
  readonly roles?: readonly string[]
}

const answer = z.object({
  user: z.object({
    id: z.union([z.string().min(1).max(200), z.number().int()]).transform(String),
    email: z.string().transform((email, context) => {
      const address = normalizeEmail(email)
      if (address !== null) return address
      context.addIssue({ code: 'custom', message: 'is no e-mail address' })
      return z.NEVER
    }),
    name: z.string().max(200).default(''),
    emailVerified: z.boolean().default(true),
    roles: z.array(z.string().max(64)).max(64).optional(),
  }),
})

/** The keys of requests to the backend, newest first, base64url: `carnet credentials` prints them, and the newest signs. */
export function backendKeys(secrets: Secrets): Secrets {
  return siteSecrets(secrets, 'auth/credentials')
}

/**
 * An existing backend that knows the passwords. It is sent `{ email, password }` by POST, with `Carnet-Timestamp` (ms)
 * and `Carnet-Signature`: HMAC-SHA-256, in hex, over timestamp, a dot and the body. It answers 200
 * `{ user: { id, email, name, emailVerified, roles } }` or 401.
 */
export class Backend {
  readonly #url: string
  readonly #key: string

  constructor(url: string, key: string) {
    this.#url = url
    this.#key = key
  }

  /** Who that is; null where the backend says 401. Throws `store_unavailable` where it is away or answers anything else. */
  async ask(email: string, password: string): Promise<KnownUser | null> {
    const body = JSON.stringify({ email, password })
    const timestamp = String(Date.now())
    const signature = createHmac('sha256', this.#key).update(`${timestamp}.${body}`).digest('hex')
    try {
      const reply = await fetch(this.#url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'carnet-timestamp': timestamp,
          'carnet-signature': signature,
        },
        body,
        // A redirect would carry the password to who knows where.
        redirect: 'error',
        signal: AbortSignal.timeout(DEADLINE_MS),
      })
      if (reply.status === 401) return null
      if (reply.status !== 200) throw new Error(`The backend answered ${reply.status}.`)
      const { id, ...user } = answer.parse(await reply.json()).user
      return { ...user, externalId: id } as KnownUser
    } catch (cause) {
      throw new CarnetError('store_unavailable', 'The accounts do not answer. Try again in a moment.', {
        cause,
      })
    }
  }
}
