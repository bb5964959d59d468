import { asked, type Database } from './database.ts'
import type { Sessions } from './sessions.ts'
import type { Users } from './users.ts'

/**
 * Removes a user with all that hangs on it. Who is signing in at this moment fails: the account is disabled first.
 * Throws `store_unavailable`: then the account is disabled, and can be removed again.
 */
export async function removeUser(
  { database, users, sessions }: { database: Database; users: Users; sessions: Sessions },
  id: string,
): Promise<void> {
  await users.change(id, { disabled: true, newEpoch: true })
  await sessions.end(id, 'all')
  await asked(database.deleteFrom('outbox').where('user_id', '=', id).execute())
  await users.remove(id)
}
