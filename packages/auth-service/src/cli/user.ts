import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Command } from 'commander'
import { openDatabase } from '../accounts/database.ts'
import { Passwords } from '../accounts/passwords.ts'
import { Users } from '../accounts/users.ts'
import { type Config, loadConfig } from '../config.ts'

/** `carnet user add|list` */
export function user(): Command {
  const command = new Command('user').description('the accounts')

  command
    .command('add')
    .description('add a user; the password is asked for, or read from standard input')
    .argument('<email>', 'the e-mail address')
    .option('--name <name>', 'the name to show (default: what stands before the @)')
    .option('--role <role...>', 'roles of the user')
    .option('--verified', 'count the address as confirmed')
    .option('--json', 'as JSON')
    .action(
      async (
        email: string,
        options: { name?: string; role?: string[]; verified?: boolean; json?: boolean },
      ) => {
        const config = loadConfig(process.env)
        const password = await readPassword()
        const { minLength } = config.manifest.accounts.password
        if ([...password].length < minLength)
          throw new Error(`The password needs at least ${minLength} characters.`)
        const added = await withUsers(config, users =>
          users.add({
            email,
            password,
            name: options.name ?? email.split('@', 1)[0] ?? email,
            emailVerified: options.verified === true,
            roles: options.role ?? [],
          }),
        )
        console.log(options.json ? JSON.stringify(added, null, 2) : `Added ${added.email}.`)
      },
    )

  command
    .command('list')
    .description('list the users')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const all = await withUsers(loadConfig(process.env), users => users.list())
      if (json) return console.log(JSON.stringify(all, null, 2))
      for (const { email, name, roles, emailVerified } of all) {
        const remarks = [emailVerified ? 'verified' : 'unverified', ...roles].join(', ')
        console.log(`${email.padEnd(32)} ${name.padEnd(24)} ${remarks}`)
      }
    })

  return command
}

async function withUsers<T>(config: Config, work: (users: Users) => Promise<T>): Promise<T> {
  const passwords = new Passwords(12)
  const database = await openDatabase(config.databaseUrl)
  try {
    return await work(new Users(database, passwords))
  } finally {
    await passwords.close()
    await database.destroy()
  }
}

/** The first line of standard input; on a terminal it is asked for and not shown. */
async function readPassword(): Promise<string> {
  const terminal = process.stdin.isTTY === true
  if (terminal) process.stderr.write('Password: ')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal })
  for await (const line of lines) {
    if (terminal) process.stderr.write('\n')
    lines.close()
    return line
  }
  throw new Error('No password was given: type it, or send it on standard input.')
}
