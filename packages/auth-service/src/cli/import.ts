import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { type ImportReport, importUsers, parseImport } from '../accounts/import.ts'
import { withAccounts } from './accounts.ts'

/** `carnet user import` */
export function importCommand(): Command {
  return new Command('import')
    .description('add users from CSV or JSON with the hashes of their passwords; can be run twice')
    .argument('<file>', 'a .csv with a header line, or a .json with a list')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Columns or keys: email, name, password_hash, email_verified (true or false), roles (in CSV separated by spaces).
password_hash is bcrypt ($2b$…), argon2 ($argon2id$…), scrypt ($scrypt$…) or PBKDF2 ($pbkdf2-sha256$… or
pbkdf2_sha256$…), and is replaced by one of our own at the next sign-in. Who is there already is left as is.`,
    )
    .action(async (file: string, { json }: { json?: boolean }) => {
      const entries = parseImport(read(file), file)
      const report = await withAccounts(({ database, audit }) => {
        audit.note({ event: 'users_imported', actor: 'admin' })
        return importUsers(database, entries, showProgress(json))
      })
      if (json) console.log(JSON.stringify(report, null, 2))
      else print(report)
      if (report.refused.length > 0) process.exitCode = 1
    })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function print({ added, present, refused }: ImportReport): void {
  for (const { line, email, reason } of refused)
    console.error(`line ${line}: ${email || '(no address)'}: ${reason}`)
  console.log(`Added ${added}. There already: ${present}. Refused: ${refused.length}.`)
}

const WIDTH = 30

/** A bar on a terminal; nothing elsewhere. */
function showProgress(json: boolean | undefined): (done: number, all: number) => void {
  if (process.stderr.isTTY !== true || json === true) return () => {}
  return (done, all) => {
    const filled = Math.round((WIDTH * done) / Math.max(all, 1))
    process.stderr.write(`\r[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${done}/${all}`)
    if (done === all) process.stderr.write('\n')
  }
}
