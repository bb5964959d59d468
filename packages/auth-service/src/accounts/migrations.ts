import type { Migration } from 'kysely/migration'

/** The tables' history, by name in the order of carrying out. What was published is never changed. */
export const MIGRATIONS: Record<string, Migration> = {
  '0001-users': {
    async up(db) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('email', 'text', column => column.notNull().unique())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('password_hash', 'text')
        .addColumn('email_verified', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('roles', 'text', column => column.notNull().defaultTo('[]'))
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
    },
  },
}
