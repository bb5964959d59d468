import { createHmac } from 'node:crypto'
import { CarnetError, type Secrets, siteSecrets } from '@carnet/protocol'
import { errors, jwtVerify, SignJWT } from 'jose'
import { nanoid } from 'nanoid'
import { z } from 'zod'
import { asked, type Database } from './database.ts'

/** What a mailed link is for, and no other. */
export type MailPurpose = 'verify-email' | 'change-email' | 'reset-password'

/** What a mailed link stands for. */
export interface MailClaims {
  readonly userId: string
  /** The address that the link proves; for `change-email` the new one. */
  readonly email: string
  /** For `change-email` the account's address at the time; another one voids the link. */
  readonly from?: string
  /** The user's at the time; another one voids the link. */
  readonly epoch: number
}

/** A link that was read: genuine and not expired. Whether it was used is told by `spend`. */
export interface MailToken extends Omit<MailClaims, 'from'> {
  /** See `MailTokens.isFrom`; null where the link holds none. */
  readonly fromDigest: string | null
  readonly id: string
  readonly purpose: MailPurpose
  /** Ms since epoch. */
  readonly expiresAt: number
}

const LIFE_S: Record<MailPurpose, number> = {
  'verify-email': 3_600,
  'change-email': 3_600,
  'reset-password': 1_800,
}
const ALGORITHM = 'HS256'

const payload = z.object({
  jti: z.string(),
  sub: z.string(),
  email: z.string(),
  from: z.string().optional(),
  epoch: z.number().int(),
  exp: z.number(),
})

/** Makes and reads the tokens of mailed links: JWTs with one algorithm, a key a purpose, and the service as audience. */
export class MailTokens {
  readonly #database: Database
  readonly #secrets: Secrets
  readonly #audience: () => string

  constructor(database: Database, secrets: Secrets, audience: () => string) {
    this.#database = database
    this.#secrets = secrets
    this.#audience = audience
  }

  /** A token: 1 h for addresses, 30 min for passwords. */
  async mint(purpose: MailPurpose, { userId, email, from, epoch }: MailClaims): Promise<string> {
    const [key] = this.#keys(purpose)
    return new SignJWT({ email, epoch, ...(from !== undefined && { from: digest(key as Uint8Array, from) }) })
      .setProtectedHeader({ alg: ALGORITHM, typ: `carnet-${purpose}+jwt` })
      .setSubject(userId)
      .setAudience(this.#audience())
      .setJti(nanoid())
      .setIssuedAt()
      .setExpirationTime(`${LIFE_S[purpose]}s`)
      .sign(key as Uint8Array)
  }

  /** Reads a token made for one of these purposes; null for anything else, and where it has expired or was used. */
  async read(purposes: readonly MailPurpose[], token: string): Promise<MailToken | null> {
    if (token.length > 1_024) return null
    for (const purpose of purposes) {
      for (const key of this.#keys(purpose)) {
        const read = await this.#verify(purpose, key, token)
        if (read !== null) return (await this.#isSpent(read.id)) ? null : read
      }
    }
    return null
  }

  /** Uses a token up. False where it was used before: of parallel calls one gets true. */
  async spend({ id, expiresAt }: MailToken): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await asked(
      this.#database
        .insertInto('spent_tokens')
        .values({ id, expires_at: expiresAt })
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirstOrThrow(),
    )
    return numInsertedOrUpdatedRows === 1n
  }

  /** Whether a link was made while this was the account's address; false where it does not say. */
  isFrom({ purpose, fromDigest }: MailToken, address: string): boolean {
    return this.#keys(purpose).some(key => digest(key, address) === fromDigest)
  }

  async #verify(purpose: MailPurpose, key: Uint8Array, token: string): Promise<MailToken | null> {
    try {
      const verified = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        audience: this.#audience(),
        typ: `carnet-${purpose}+jwt`,
        requiredClaims: ['exp', 'jti', 'sub'],
      })
      const { jti, sub, email, from, epoch, exp } = payload.parse(verified.payload)
      const fromDigest = from ?? null
      return { id: jti, purpose, userId: sub, email, fromDigest, epoch, expiresAt: exp * 1_000 }
    } catch (error) {
      if (error instanceof errors.JOSEError) return null
      throw new CarnetError('internal', 'A token of ours cannot be read.', { cause: error })
    }
  }

  async #isSpent(id: string): Promise<boolean> {
    const query = this.#database.selectFrom('spent_tokens').select('id').where('id', '=', id)
    return (await asked(query.executeTakeFirst())) !== undefined
  }

  #keys(purpose: MailPurpose): Uint8Array[] {
    return siteSecrets(this.#secrets, `auth/mail/${purpose}`).map(secret => Buffer.from(secret))
  }
}

// Who was mailed by mistake is not told the account's present address.
function digest(key: Uint8Array, address: string): string {
  return createHmac('sha256', key).update(`from ${address}`).digest('base64url')
}
