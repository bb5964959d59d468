import { CarnetError } from '@carnet/protocol'
import { Command } from 'commander'
import type { AuditEvent } from '../accounts/audit.ts'
import { judgePassword, LONGEST_NEW_PASSWORD } from '../accounts/password-policy.ts'
import type { Account } from '../accounts/user-row.ts'
import type { UserChange } from '../accounts/users.ts'
import { type Accounts, accountOf, toJson, withAccounts } from './accounts.ts'
import { importCommand } from './import.ts'
import { readPassword } from './password.ts'
import { jsonOf, printable } from './printed.ts'

interface Json {
  json?: boolean
}

/** `carnet user add|list|show|disable|enable|roles|import` */
export function user(): Command {
  const command = new Command('user').description('the accounts')
  addCommand(command)
  listCommand(command)
  changeCommands(command)
  command.addCommand(importCommand())
  return command
}

function collect(role: string, roles: string[]): string[] {
  return [...roles, role]
}

function addCommand(command: Command): void {
  command
    .command('add')
    .description('add a user; the password is asked for, or read from standard input')
    .argument('<email>', 'the e-mail address')
    .option('--name <name>', 'the name to show (default: what stands before the @)')
    .option('--role <role>', 'a role of the user; may be given again', collect, [])
    .option('--verified', 'count the address as confirmed')
    .option('--json', 'as JSON')
    .action(async (email: string, options: { name?: string; role?: string[]; verified?: boolean } & Json) => {
      const added = await withAccounts(async ({ manifest, users, audit }) => {
        const name = options.name ?? email.split('@', 1)[0] ?? email
        if (/\p{Cc}/u.test(name)) throw new Error('The name has control characters.')
        checkRoles(options.role ?? [])
        const { minLength } = manifest.accounts.password
        const password = await readPassword(minLength)
        await refuseWeak(password, minLength, [name, email, manifest.brand.name])
        const emailVerified = options.verified === true
        const roles = options.role ?? []
        const user = await users.add({ email, password, name, emailVerified, roles })
        audit.note({ event: 'user_added', actor: 'admin', user: user.id })
        return user
      })
      console.log(options.json ? JSON.stringify(added, null, 2) : `Added ${added.email}.`)
    })
}

async function refuseWeak(password: string, minLength: number, words: readonly string[]): Promise<void> {
  const fault = await judgePassword(password, { minLength, words })
  if (fault === null) return
  throw new Error(
    {
      short: `The password needs at least ${minLength} characters.`,
      long: `The password may have ${LONGEST_NEW_PASSWORD} characters at most.`,
      common: 'This password is one of those that are tried first. Choose another one.',
      repeated: 'This password is one sequence or one piece over and over. Choose another one.',
      personal: 'This password is little more than the name, the address or the service. Choose another one.',
    }[fault],
  )
}

function listCommand(command: Command): void {
  command
    .command('list')
    .description('list the users')
    .option('--json', 'as JSON')
    .action(async ({ json }: Json) => {
      const all = await withAccounts(({ users }) => users.list())
      if (json) return console.log(jsonOf(all.map(toJson), 2))
      if (all.length === 0) console.log('There are no users yet: carnet user add.')
      for (const account of all) console.log(line(account))
    })

  command
    .command('show')
    .description('show a user, and where the user is signed in')
    .argument('<email>', 'the e-mail address')
    .option('--json', 'as JSON')
    .action(async (email: string, { json }: Json) => {
      await withAccounts(
        async ({ users, sessions, seesSessions, blind }) => {
          const account = await accountOf(users, email)
          const live = seesSessions ? await sessions.list(account.user.id) : null
          if (json) return console.log(jsonOf({ ...toJson(account), sessions: live }, 2))
          console.log(line(account))
          if (live === null) return console.log(blind)
          console.log(live.length === 0 ? 'Signed in nowhere.' : `Signed in ${live.length} times:`)
          for (const { id, device, address } of live) console.log(printable(`  ${id}  ${address}  ${device}`))
        },
        { store: true },
      )
    })
}

function changeCommands(command: Command): void {
  const change = (
    name: string,
    event: AuditEvent,
    description: string,
    work: (accounts: Accounts, account: Account, roles: string[]) => Promise<UserChange>,
    done: (account: Account, accounts: { blind: string | null }) => string,
  ) => {
    const changing = command.command(name).description(description).argument('<email>', 'the e-mail address')
    if (name === 'roles') changing.argument('[role...]', 'the roles, in place of those that the user had')
    changing.option('--json', 'as JSON').action(async (email: string, ...rest: unknown[]) => {
      const roles = name === 'roles' ? (rest[0] as string[]) : []
      const { json } = rest[name === 'roles' ? 1 : 0] as Json
      const changed = await withAccounts(
        async accounts => {
          const account = await accountOf(accounts.users, email)
          const now = await accounts.users.change(account.user.id, await work(accounts, account, roles))
          accounts.audit.note({ event, actor: 'admin', user: account.user.id })
          if (name === 'disable') await end(accounts, account)
          // The embedded store is another process's: that one follows the database by itself.
          else if (accounts.seesSessions) await accounts.sessions.follow({ user: account.user.id })
          return { account: now ?? account, blind: accounts.blind }
        },
        { store: true },
      )
      console.log(json ? jsonOf(toJson(changed.account), 2) : done(changed.account, changed))
    })
  }
  change(
    'disable',
    'user_disabled',
    'let a user sign in no more, and end the sessions everywhere',
    async () => ({ disabled: true, newEpoch: true }),
    ({ user }, { blind }) =>
      blind === null
        ? `${user.email} is disabled, and signed out everywhere.`
        : `${user.email} is disabled. The service that runs ends the sessions within a second of hearing of it.`,
  )
  change(
    'enable',
    'user_enabled',
    'let a user sign in again',
    async () => ({ disabled: false }),
    ({ user }) => `${user.email} may sign in.`,
  )
  change(
    'roles',
    'roles_changed',
    'set the roles of a user, none where none is named; live sessions have them at once',
    async (_accounts, _account, roles) => {
      checkRoles(roles)
      return { roles: [...new Set(roles)] }
    },
    ({ user }) =>
      `${user.email} has ${user.roles.length === 0 ? 'no roles' : `these roles: ${user.roles.join(', ')}`}.`,
  )
}

function checkRoles(roles: readonly string[]): void {
  for (const role of roles) {
    if (!/^[\w.:-]{1,64}$/.test(role))
      throw new Error(`"${role}" is no role: 1 to 64 of letters, digits, . _ : -`)
  }
}

async function end({ sessions, seesSessions }: Accounts, { user }: Account): Promise<void> {
  try {
    await sessions.end(user.id, 'all', { follow: seesSessions })
  } catch (error) {
    if (!(error instanceof CarnetError)) throw error
    throw new Error(
      'The user is disabled, but the store does not answer: the sessions end as soon as it does.',
    )
  }
}

function line({ user, disabled }: Account): string {
  const remarks = [
    user.emailVerified ? 'verified' : 'unverified',
    ...(disabled ? ['disabled'] : []),
    ...user.roles,
  ].join(', ')
  return `${printable(user.email).padEnd(32)} ${printable(user.name).padEnd(24)} ${printable(remarks)}`
}
