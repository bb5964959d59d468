import { CarnetError, type Client, newSid, sessionHandle, startSession } from '@carnet/protocol'
import { asked } from './database.ts'
import { deviceName } from './device.ts'
import { Endings } from './endings.ts'
import { listSessions, type SessionView } from './session-list.ts'
import type { Account } from './user-row.ts'

/** What is known of a new session. */
export interface Beginning {
  readonly sid?: string
  readonly client: Client
  readonly userAgentHeader: string
  /** Null where the browser is not to be remembered. */
  readonly series: { readonly id: string; readonly expiresAt: number } | null
  /** When the password was given. Default: now. */
  readonly authenticatedAt?: number
}

/** Which sessions of a user are meant: one by its handle, all, or all but one. */
export type Which = { readonly id: string } | 'all' | { readonly allBut: string }

/** The sessions in SQL: whose they are, where they began, and which have to end. */
export class Sessions extends Endings {
  /**
   * Starts a session. The row comes first, and the user and the series are looked at again afterwards, so that a change,
   * a disabling or a sign-out that happens meanwhile is not missed. Throws `invalid_credentials` where the user was disabled or removed,
   * `session_gone` where the sid was revoked, and `store_unavailable`.
   */
  async begin(account: Account, { sid = newSid(), ...beginning }: Beginning): Promise<string> {
    const { session } = this.manifest()
    const now = this.store.now()
    const id = sessionHandle(sid)
    const row = {
      id,
      sid,
      user_id: account.user.id,
      series_id: beginning.series?.id ?? null,
      epoch: account.epoch,
      revision: account.revision,
      device: deviceName(beginning.userAgentHeader),
      address: networkOf(beginning.client.address),
      started_at: now,
      expires_at: now + session.absolute,
      ended_at: null,
      stale: 0,
      renewed_at: null,
    }
    await asked(
      this.database
        .insertInto('sessions')
        .values(row)
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    )
    await startSession(this.store, account.user, session, {
      sid,
      revision: account.revision,
      rememberedUntil: beginning.series?.expiresAt ?? 0,
      ...(beginning.authenticatedAt !== undefined && { authenticatedAt: beginning.authenticatedAt }),
    })
    const current = await this.users.find({ id: account.user.id })
    const { series } = beginning
    const isOver =
      current === null ||
      current.disabled ||
      current.epoch !== account.epoch ||
      (series !== null && !(await this.#hasSeries(series.id)))
    if (isOver) {
      await this.end(account.user.id, { id })
      // Where the row had ended before, that has found nothing.
      await this.endRow(id, sid)
      throw new CarnetError('invalid_credentials', 'The e-mail address or the password is wrong.')
    }
    if (current.revision !== account.revision) await this.store.renew(sid, current.user, current.revision)
    return sid
  }

  /** Notes that a session was taken to a site. */
  async noteSite(sid: string, site: string): Promise<void> {
    await asked(
      this.database
        .insertInto('session_sites')
        .values({ session_id: sessionHandle(sid), site })
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    )
  }

  /** Whether that was noted. */
  async wasTakenTo(sid: string, site: string): Promise<boolean> {
    const query = this.database
      .selectFrom('session_sites')
      .select('site')
      .where('session_id', '=', sessionHandle(sid))
      .where('site', '=', site)
    return (await asked(query.executeTakeFirst())) !== undefined
  }

  /** The live sessions of a user, or of all, the latest first. Throws `store_unavailable`. */
  async list(userId?: string): Promise<(SessionView & { userId: string })[]> {
    return listSessions(this.database, this.store, this.manifest().session.idle, userId)
  }

  /** The id of the user whose session that is, or null where there is none. */
  async userOf(id: string): Promise<string | null> {
    const query = this.database.selectFrom('sessions').select('user_id').where('id', '=', id)
    return (await asked(query.executeTakeFirst()))?.user_id ?? null
  }

  /**
   * Ends sessions of a user at every site, with what remembers their browsers; how many were meant. Returns once the
   * store has confirmed it, or with `follow: false` leaves that to the service that runs. Throws `store_unavailable`:
   * then they end as soon as it is back.
   */
  async end(userId: string, which: Which, { follow = true }: { follow?: boolean } = {}): Promise<number> {
    let series = this.database.deleteFrom('remember_series').where('user_id', '=', userId)
    let ending = this.database
      .updateTable('sessions')
      .set({ ended_at: Date.now(), stale: 1 })
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
    if (which !== 'all') {
      const id = 'id' in which ? which.id : which.allBut
      const comparison = 'id' in which ? '=' : '!='
      const kept = this.database.selectFrom('sessions').select('series_id').where('id', '=', id)
      ending = ending.where('id', comparison, id)
      series = series.where(row =>
        'id' in which
          ? row('id', 'in', kept.where('series_id', 'is not', null))
          : row('id', 'not in', kept.where('series_id', 'is not', null)),
      )
    }
    await asked(series.execute())
    const { numUpdatedRows } = await asked(ending.executeTakeFirst())
    if (follow) await this.follow({ user: userId })
    return Number(numUpdatedRows)
  }

  /**
   * Ends everybody's sessions at every site, with all that remembers browsers; how many were meant. Throws
   * `store_unavailable`: then they end as soon as it is back.
   */
  async endEverybodys(): Promise<number> {
    // Who is being signed in at this moment is found out by the epoch.
    await asked(
      this.database
        .updateTable('users')
        .set(row => ({ epoch: row('epoch', '+', 1) }))
        .execute(),
    )
    await asked(this.database.deleteFrom('remember_series').execute())
    const { numUpdatedRows } = await asked(
      this.database
        .updateTable('sessions')
        .set({ ended_at: Date.now(), stale: 1 })
        .where('ended_at', 'is', null)
        .executeTakeFirst(),
    )
    while (!(await this.follow()));
    return Number(numUpdatedRows)
  }

  async #hasSeries(id: string): Promise<boolean> {
    const query = this.database.selectFrom('remember_series').select('id').where('id', '=', id)
    return (await asked(query.executeTakeFirst())) !== undefined
  }
}

/** An address without its last part: enough for its owner to know the place by. */
export function networkOf(address: string): string {
  if (address.includes('.')) return address.replace(/\.\d+$/, '.*')
  const [a = '', b = '', c = ''] = address.split(':')
  return address === '' ? '' : `${a}:${b}:${c}:*`
}
