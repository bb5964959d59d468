import { mailRow, type NewMail } from '../mail/outbox.ts'
import { forgetPerson } from './audit.ts'
import { asked, type Database } from './database.ts'
import type { Sessions } from './sessions.ts'

/**
 * Removes a user with all that hangs on it, in one step; the sessions end with it. `farewell` is a mail that goes out all
 * the same, and belongs to no user. Throws `store_unavailable`: where the user is gone by then, the sessions end as soon as
 * the store is back.
 */
export async function removeUser(
  { database, sessions }: { database: Database; sessions: Sessions },
  id: string,
  farewell: NewMail | null = null,
): Promise<void> {
  await asked(
    database.transaction().execute(async transaction => {
      await transaction.deleteFrom('users').where('id', '=', id).execute()
      await transaction.deleteFrom('remember_series').where('user_id', '=', id).execute()
      await transaction.deleteFrom('outbox').where('user_id', '=', id).execute()
      if (farewell !== null) await transaction.insertInto('outbox').values(mailRow(farewell)).execute()
      await forgetPerson(transaction, id)
      await transaction.updateTable('sessions').set({ stale: 1 }).where('user_id', '=', id).execute()
    }),
  )
  // What was written while that was under way.
  await asked(forgetPerson(database, id))
  await sessions.follow({ user: id })
}
