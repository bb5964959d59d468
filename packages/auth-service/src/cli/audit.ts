import { parseDuration } from '@carnet/protocol'
import { Command } from 'commander'
import type { AuditEntry } from '../accounts/audit.ts'
import type { Users } from '../accounts/users.ts'
import { accountOf, withAccounts } from './accounts.ts'
import { jsonOf, printable } from './printed.ts'

interface Options {
  user?: string
  since?: string
  json?: boolean
}

/** `carnet audit` */
export function audit(): Command {
  return new Command('audit')
    .description('who did what, when, from which network, and what came of it; the newest last')
    .option('--user <id or email>', 'of one user')
    .option('--since <when>', 'a duration such as 24h or 30d, or a date such as 2026-11-01 (UTC)')
    .option('--json', 'as JSON, an object a line')
    .action(async ({ user, since, json }: Options) => {
      const from = since === undefined ? 0 : momentOf(since)
      // Whoever reads with `head` has seen enough.
      process.stdout.on('error', () => process.exit(0))
      await withAccounts(async ({ users, audit: log }) => {
        const of = user === undefined ? {} : { user: await idOf(users, user) }
        if (json !== true) console.log(line(TITLES))
        for await (const entry of log.read({ ...of, since: from })) {
          console.log(json === true ? jsonOf(toJson(entry)) : line(toCells(entry)))
        }
      })
    })
}

/** Ms since epoch. Throws an `Error` that says what to write. */
function momentOf(text: string): number {
  const ago = parseDuration(text)
  if (!Number.isNaN(ago)) return Date.now() - ago
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  const at = isDate ? Date.parse(text) : Number.NaN
  const day = text.slice(0, 10)
  // 31 February would else be a day of March.
  if (!Number.isNaN(at) && new Date(day).toISOString().startsWith(day)) return at
  throw new Error(
    `--since ${text} is no time: give a duration such as 24h or 30d, or a date such as 2026-11-01 or 2026-11-01T08:30Z.`,
  )
}

async function idOf(users: Users, user: string): Promise<string> {
  if (user.includes('@')) return (await accountOf(users, user)).user.id
  if ((await users.find({ id: user })) !== null) return user
  throw new Error(`There is no user ${user}. "carnet user list --json" lists them with their ids.`)
}

const TITLES = ['time (UTC)', 'event', 'outcome', 'by', 'user', 'network', 'site', 'session']
const WIDTHS = [24, 20, 19, 5, 28, 20, 12]

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => printable(cell).padEnd(WIDTHS[index] ?? 0))
    .join('  ')
    .trimEnd()
}

function toCells({ at, event, outcome, actor, user_id, email, prefix, site, session }: AuditEntry): string[] {
  const user = email ?? user_id
  return [
    new Date(at).toISOString(),
    event,
    outcome,
    actor,
    ...[user, prefix, site, session].map(cell => cell ?? '-'),
  ]
}

function toJson({ at, event, user_id, prefix, actor, site, outcome, session }: AuditEntry): object {
  return { at: new Date(at).toISOString(), event, user: user_id, prefix, actor, site, outcome, session }
}
