import { createHmac, hash, randomBytes } from 'node:crypto'
import { newSid } from '@carnet/protocol'
import { asked, type Database, type SeriesRow } from './database.ts'

/** A browser that was remembered now: what its cookie has to say. */
export interface Remembered {
  readonly seriesId: string
  readonly token: string
  readonly expiresAt: number
}

/** Whose series it is. */
export interface SeriesUser {
  readonly id: string
  readonly epoch: number
}

/** What a series begins with: it is `life` ms long, and the password was given at `authenticatedAt`. */
export interface FirstSession {
  readonly sid: string
  readonly life: number
  readonly authenticatedAt: number
}

/** What came of a token that was presented. */
export type Presented =
  /** The browser is known. Parallel presentations get the same token and the same sid. */
  | ({ readonly outcome: 'known'; readonly userId: string; readonly epoch: number } & Remembered & {
        readonly sid: string
        readonly authenticatedAt: number
      })
  /** There is no such series, or it is over. */
  | { readonly outcome: 'unknown' }
  /** The series' latest session was signed out at a site. */
  | { readonly outcome: 'signed_out'; readonly seriesId: string }
  /** A token that was replaced and whose successor was used: two browsers have a copy of this cookie. */
  | { readonly outcome: 'stolen'; readonly userId: string; readonly seriesId: string }

// Parallel requests and lost answers are met within this time; a thief who comes later gets another successor than
// the owner, and the two are told apart by that.
const SAME_SUCCESSOR_MS = 60_000
// No digest, so no token is this one's.
const UNHELD = 'unheld'

/**
 * Browsers that come back without a password: one series each, whose token is replaced at every use. The token that was
 * presented stays good until its successor is used, and the same successor is handed out again for a minute.
 * Successors are derived, so that only hashes are kept.
 */
export class Remembering {
  readonly #database: Database
  readonly #keys: readonly [string, ...string[]]
  readonly #wasRevoked: (sid: string) => Promise<boolean>
  readonly #now: () => number

  /** Of the `keys`, newest first, the newest derives successors, and all know theirs again; `wasRevoked` tells whether a session was signed out; `now` is ms since epoch. */
  constructor(
    database: Database,
    keys: readonly [string, ...string[]],
    wasRevoked: (sid: string) => Promise<boolean>,
    now: () => number = Date.now,
  ) {
    this.#database = database
    this.#keys = keys
    this.#wasRevoked = wasRevoked
    this.#now = now
  }

  /** Begins a series whose token is handed out at once. */
  async begin(user: SeriesUser, first: FirstSession): Promise<Remembered> {
    const token = random()
    return { ...(await this.#insert(user, first, digest(token))), token }
  }

  /** Begins a series whose token nobody has yet: the browser gets it by `handOut`. */
  async beginUnheld(user: SeriesUser, first: FirstSession): Promise<Omit<Remembered, 'token'>> {
    return this.#insert(user, first, UNHELD)
  }

  /** The token of the series that began with this session and that nobody has yet, once; else null. */
  async handOut(sid: string): Promise<Remembered | null> {
    const token = random()
    const handedOut = await asked(
      this.#database
        .updateTable('remember_series')
        .set({ token_hash: digest(token) })
        .where('sid', '=', sid)
        .where('token_hash', '=', UNHELD)
        .returning(['id', 'expires_at'])
        .executeTakeFirst(),
    )
    return handedOut === undefined ? null : { seriesId: handedOut.id, token, expiresAt: handedOut.expires_at }
  }

  /** Presents a series' token. Ends nothing by itself. Throws `store_unavailable`. */
  async present(seriesId: string, token: string): Promise<Presented> {
    const presented = digest(token)
    // Each turn changes the row or finds it changed by another request, which then settles this one.
    for (let turn = 0; turn < 8; turn++) {
      const row = await this.#read(seriesId)
      if (row === null) return { outcome: 'unknown' }
      if (presented !== row.token_hash && presented !== row.successor_hash) {
        return { outcome: 'stolen', userId: row.user_id, seriesId }
      }
      // Asked before each turn, so that parallel requests all see the sign-out that one of them sees.
      if (await this.#wasRevoked(row.sid)) return { outcome: 'signed_out', seriesId }
      const now = this.#now()
      const again =
        presented === row.token_hash &&
        row.successor_at !== null &&
        now - row.successor_at < SAME_SUCCESSOR_MS
      const handedOut = again ? this.#handedOut(row, token) : null
      if (handedOut !== null) return this.#known(row, row.sid, handedOut)
      const [salt, sid] = [random(), newSid()]
      const successor = successorBy(this.#keys[0], { seriesId, token, salt })
      const turned = {
        token_hash: presented,
        successor_hash: digest(successor),
        successor_salt: salt,
        successor_at: now,
        sid,
      }
      const { numUpdatedRows } = await asked(
        this.#database
          .updateTable('remember_series')
          .set(turned)
          .where('id', '=', seriesId)
          .where('sid', '=', row.sid)
          .executeTakeFirst(),
      )
      if (numUpdatedRows === 1n) return this.#known(row, sid, successor)
    }
    return { outcome: 'unknown' }
  }

  /** Ends a series. */
  async end(seriesId: string): Promise<void> {
    await asked(this.#database.deleteFrom('remember_series').where('id', '=', seriesId).execute())
  }

  /** The series, unless it is over or the user's epoch has passed it. */
  async #read(seriesId: string): Promise<SeriesRow | null> {
    const query = this.#database
      .selectFrom('remember_series')
      .innerJoin('users', 'users.id', 'remember_series.user_id')
      .selectAll('remember_series')
      .where('remember_series.id', '=', seriesId)
      .where('remember_series.expires_at', '>', this.#now())
      .where('users.disabled_at', 'is', null)
      .whereRef('users.epoch', '=', 'remember_series.epoch')
    return (await asked(query.executeTakeFirst())) ?? null
  }

  async #insert(
    user: SeriesUser,
    { sid, life, authenticatedAt }: FirstSession,
    tokenHash: string,
  ): Promise<Omit<Remembered, 'token'>> {
    const row: SeriesRow = {
      id: random(),
      user_id: user.id,
      epoch: user.epoch,
      token_hash: tokenHash,
      successor_hash: null,
      successor_salt: null,
      successor_at: null,
      sid,
      authenticated_at: authenticatedAt,
      expires_at: this.#now() + life,
    }
    await asked(this.#database.insertInto('remember_series').values(row).execute())
    return { seriesId: row.id, expiresAt: row.expires_at }
  }

  #known(row: SeriesRow, sid: string, token: string): Presented {
    return {
      outcome: 'known',
      userId: row.user_id,
      epoch: row.epoch,
      seriesId: row.id,
      token,
      expiresAt: row.expires_at,
      sid,
      authenticatedAt: row.authenticated_at,
    }
  }

  /** The successor that this token was given, which an older key may have made; null where that key is gone. */
  #handedOut(row: SeriesRow, token: string): string | null {
    const of = { seriesId: row.id, token, salt: row.successor_salt ?? '' }
    const made = this.#keys.map(key => successorBy(key, of))
    return made.find(successor => digest(successor) === row.successor_hash) ?? null
  }
}

function successorBy(
  key: string,
  { seriesId, token, salt }: { seriesId: string; token: string; salt: string },
): string {
  return createHmac('sha256', key).update(`${seriesId}.${token}.${salt}`).digest('base64url').slice(0, 32)
}

function random(): string {
  return randomBytes(24).toString('base64url')
}

function digest(token: string): string {
  return hash('sha256', token, 'base64url')
}
