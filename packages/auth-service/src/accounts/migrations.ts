import type { ColumnDefinitionBuilder, Kysely } from 'kysely'
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
  '0002-accounts': {
    async up(db) {
      await addToUsers(db)
      await addSessions(db)
      await addRemembering(db)
      await addMail(db)
    },
  },
  '0003-endings': {
    async up(db) {
      await db.schema.alterTable('sessions').addColumn('renewed_at', 'bigint').execute()
      for (const column of ['ended_at', 'expires_at', 'renewed_at', 'series_id']) {
        await db.schema.createIndex(`sessions_by_${column}`).on('sessions').column(column).execute()
      }
      await db.schema.createIndex('series_by_expires_at').on('remember_series').column('expires_at').execute()
    },
  },
  '0004-audit': {
    async up(db) {
      await db.schema
        .createTable('audit')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('at', 'bigint', column => column.notNull())
        .addColumn('event', 'text', column => column.notNull())
        .addColumn('user_id', 'text')
        .addColumn('prefix', 'text')
        .addColumn('actor', 'text', column => column.notNull())
        .addColumn('site', 'text')
        .addColumn('outcome', 'text', column => column.notNull())
        .addColumn('session', 'text')
        .execute()
      await db.schema.createIndex('audit_by_at').on('audit').columns(['at', 'id']).execute()
      await db.schema.createIndex('audit_of_user').on('audit').columns(['user_id', 'at']).execute()
      await db.schema.createIndex('audit_of_session').on('audit').column('session').execute()
    },
  },
  '0005-keys': {
    async up(db) {
      await db.schema
        .createTable('keys')
        .addColumn('fingerprint', 'text', column => column.primaryKey())
        .addColumn('first_seen_at', 'bigint', column => column.notNull())
        .addColumn('last_seen_at', 'bigint', column => column.notNull())
        .addColumn('signs_since', 'bigint')
        .execute()
    },
  },
}

async function addToUsers(db: Kysely<unknown>): Promise<void> {
  // SQLite takes one column at a time.
  const add = (name: string) => db.schema.alterTable('users').addColumn(name, 'integer', zero)
  await add('epoch').execute()
  await add('revision').execute()
  await db.schema.alterTable('users').addColumn('disabled_at', 'bigint').execute()
  await db.schema.alterTable('users').addColumn('external_id', 'text').execute()
  await db.schema.createIndex('users_external').on('users').column('external_id').unique().execute()
}

async function addSessions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sessions')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('sid', 'text', column => column.notNull())
    .addColumn('user_id', 'text', column => column.notNull())
    .addColumn('series_id', 'text')
    .addColumn('epoch', 'integer', column => column.notNull())
    .addColumn('revision', 'integer', column => column.notNull())
    .addColumn('device', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('started_at', 'bigint', column => column.notNull())
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('stale', 'integer', zero)
    .execute()
  await db.schema.createIndex('sessions_of_user').on('sessions').column('user_id').execute()
  await db.schema.createIndex('sessions_stale').on('sessions').column('stale').execute()
  await db.schema
    .createTable('session_sites')
    .addColumn('session_id', 'text', column => column.notNull())
    .addColumn('site', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('session_sites_key', ['session_id', 'site'])
    .execute()
}

async function addRemembering(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('remember_series')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('user_id', 'text', column => column.notNull())
    .addColumn('epoch', 'integer', column => column.notNull())
    .addColumn('token_hash', 'text', column => column.notNull())
    .addColumn('successor_hash', 'text')
    .addColumn('successor_salt', 'text')
    .addColumn('successor_at', 'bigint')
    .addColumn('sid', 'text', column => column.notNull())
    .addColumn('authenticated_at', 'bigint', column => column.notNull())
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .execute()
  await db.schema.createIndex('series_of_user').on('remember_series').column('user_id').execute()
}

async function addMail(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('outbox')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('kind', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('user_id', 'text')
    .addColumn('details', 'text', column => column.notNull())
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('due_at', 'bigint', column => column.notNull())
    .addColumn('attempts', 'integer', column => column.notNull())
    .addColumn('sent_at', 'bigint')
    .addColumn('slot', 'text', column => column.unique())
    .execute()
  await db.schema.createIndex('outbox_due').on('outbox').columns(['sent_at', 'due_at']).execute()
  await db.schema.createIndex('outbox_of_address').on('outbox').column('address').execute()
  await db.schema
    .createTable('spent_tokens')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .execute()
}

const zero = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(0)
