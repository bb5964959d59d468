import { type Secrets, siteSecrets } from '@carnet/protocol'
import type { Database } from './database.ts'

/** What is known of a secret's use; moments are ms since epoch, and null where no service has run with it. */
export interface KeyAge {
  readonly firstSeenAt: number | null
  readonly lastSeenAt: number | null
  /** Since when it is the one that signs; null for the others. */
  readonly signsSince: number | null
}

const NOTE_EVERY_MS = 600_000

/** Notes in SQL, now and from time to time, which secrets this process has. Returns the way to stop. `failed` hears of what could not be noted. */
export function noteKeys(
  database: Database,
  secrets: Secrets,
  failed: (error: Error) => void,
): () => Promise<void> {
  let noting = Promise.resolve()
  const note = () => {
    noting = noting.then(() => noteOnce(database, secrets)).catch(failed)
  }
  note()
  const timer = setInterval(note, NOTE_EVERY_MS).unref()
  return async () => {
    clearInterval(timer)
    await noting
  }
}

/** Notes which secrets are in use. Where processes differ in the newest one, each time begins anew to count. */
export async function noteOnce(
  database: Database,
  secrets: Secrets,
  now: number = Date.now(),
): Promise<void> {
  const [newest, ...older] = fingerprints(secrets)
  await database.transaction().execute(async transaction => {
    // In one order for all: processes that start together must not wait for each other.
    for (const fingerprint of [newest, ...older].sort()) {
      await transaction
        .insertInto('keys')
        .values({ fingerprint, first_seen_at: now, last_seen_at: now, signs_since: null })
        .onConflict(conflict => conflict.column('fingerprint').doUpdateSet({ last_seen_at: now }))
        .execute()
    }
    const signing = transaction.updateTable('keys')
    await signing.set({ signs_since: null }).where('fingerprint', '!=', newest).execute()
    await signing
      .set({ signs_since: now })
      .where('fingerprint', '=', newest)
      .where('signs_since', 'is', null)
      .execute()
  })
}

/** What is known of each secret, in their order. */
export async function keyAges(database: Database, secrets: Secrets): Promise<KeyAge[]> {
  const rows = await database.selectFrom('keys').selectAll().execute()
  return fingerprints(secrets).map(fingerprint => {
    const row = rows.find(row => row.fingerprint === fingerprint)
    return {
      firstSeenAt: row?.first_seen_at ?? null,
      lastSeenAt: row?.last_seen_at ?? null,
      signsSince: row?.signs_since ?? null,
    }
  })
}

/** A name for each secret that tells nothing of it, nor of what else is derived from it. */
function fingerprints(secrets: Secrets): Secrets {
  const [newest, ...older] = siteSecrets(secrets, 'auth/fingerprint')
  return [newest.slice(0, 22), ...older.map(derived => derived.slice(0, 22))]
}
