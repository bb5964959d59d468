import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { asked, type Database } from './database.ts'
import { normalizeEmail } from './email.ts'
import { readForeignHash } from './foreign-hash.ts'
import { insertUser, newRow, type WholeUserRow } from './user-row.ts'

/** One entry of an import: where it stands, and what it says. */
export interface Entry {
  /** The line in the file, or in JSON the number of the entry, from 1. */
  readonly line: number
  readonly content: unknown
}

/** What came of an import. */
export interface ImportReport {
  readonly added: number
  /** Addresses that had an account: those are left as they are. */
  readonly present: number
  readonly refused: { readonly line: number; readonly email: string; readonly reason: string }[]
}

const flag = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0', 'yes', 'no', ''])], {
    error: 'email_verified is true or false',
  })
  .optional()
  .transform(value => value === true || value === 'true' || value === '1' || value === 'yes')

const entry = z.strictObject(
  {
    email: z.string({ error: 'email is missing' }).transform((text, context) => {
      const email = normalizeEmail(text)
      if (email !== null) return email
      context.addIssue({ code: 'custom', message: 'this is no e-mail address' })
      return z.NEVER
    }),
    name: z.string().trim().max(200, 'the name has more than 200 characters').default(''),
    password_hash: z
      .string({ error: 'password_hash is missing' })
      .trim()
      .refine(
        hash => readForeignHash(hash) !== null,
        'password_hash is none of bcrypt, argon2, scrypt and PBKDF2, or costs too much to verify',
      ),
    email_verified: flag,
    roles: z
      .union([z.array(z.string()), z.string().transform(text => text.split(/[\s,;]+/))])
      .default([])
      .transform(roles => roles.filter(role => role !== ''))
      .refine(
        roles => roles.every(role => /^[\w.:-]{1,64}$/.test(role)),
        'a role is 1 to 64 of letters, digits, . _ : -',
      ),
  },
  { error: issue => (issue.code === 'unrecognized_keys' ? `unknown: ${issue.keys.join(', ')}` : undefined) },
)

/** Reads a file's entries: JSON where its name ends so, else CSV with a header line. Throws an `Error` that says what to do. */
export function parseImport(text: string, file: string): Entry[] {
  if (/\.json$/i.test(file)) {
    const list = z.array(z.unknown()).safeParse(readJson(text, file))
    if (!list.success) throw new Error(`${file} is no list. Give [{ "email": …, "password_hash": … }, …].`)
    return list.data.map((content, index) => ({ line: index + 1, content }))
  }
  try {
    const records = parse(text, {
      columns: true,
      bom: true,
      info: true,
      skip_empty_lines: true,
      trim: true,
    }) as {
      info: { lines: number }
      record: Record<string, string>
    }[]
    return records.map(({ info, record }) => ({ line: info.lines, content: record }))
  } catch (error) {
    throw new Error(`${file} cannot be read as CSV: ${(error as Error).message}`)
  }
}

function readJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${file} cannot be read as JSON: ${(error as Error).message}`)
  }
}

const AT_ONCE = 500

/** Adds the users who are not there yet; each batch of 500 whole or not at all. `progress` hears how far it is. */
export async function importUsers(
  database: Database,
  entries: readonly Entry[],
  progress: (done: number, all: number) => void = () => {},
): Promise<ImportReport> {
  const refused: ImportReport['refused'] = []
  let [added, present] = [0, 0]
  for (let start = 0; start < entries.length; start += AT_ONCE) {
    const rows: WholeUserRow[] = []
    for (const { line, content } of entries.slice(start, start + AT_ONCE)) {
      const read = entry.safeParse(content)
      if (read.success) rows.push(toRow(read.data))
      else refused.push({ line, email: addressIn(content), reason: reasonOf(read.error) })
    }
    await asked(
      database.transaction().execute(async transaction => {
        for (const row of rows) {
          if (await insertUser(transaction, row)) added++
          else present++
        }
      }),
    )
    progress(Math.min(start + AT_ONCE, entries.length), entries.length)
  }
  return { added, present, refused }
}

function toRow({ email, name, password_hash, email_verified, roles }: z.output<typeof entry>): WholeUserRow {
  const local = email.split('@', 1)[0] ?? email
  return newRow({ email, name: name || local, emailVerified: email_verified, roles }, password_hash)
}

function addressIn(content: unknown): string {
  const email = (content as { email?: unknown } | null)?.email
  return typeof email === 'string' ? email.slice(0, 254) : ''
}

function reasonOf(error: z.ZodError): string {
  return error.issues.map(({ message }) => message).join('; ')
}
