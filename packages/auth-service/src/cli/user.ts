import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Command } from 'commander'
import { migrate, openDatabase } from '../accounts/database.ts'
import { LONGEST_PASSWORD, Passwords } from '../accounts/passwords.ts'
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
        const config = loadConfig(process.env, { serving: false })
        const { minLength } = config.manifest.accounts.password
        const password = await readPassword(minLength)
        const { length } = [...password]
        if (length < minLength) throw new Error(`The password needs at least ${minLength} characters.`)
        if (length > LONGEST_PASSWORD)
          throw new Error(`The password may have ${LONGEST_PASSWORD} characters at most.`)
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
      const all = await withUsers(loadConfig(process.env, { serving: false }), users => users.list())
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
  const database = openDatabase(config.databaseUrl)
  try {
    await migrate(database)
    return await work(new Users(database, passwords))
  } finally {
    await passwords.close()
    await database.destroy()
  }
}

/** The first line of standard input; on a terminal it is asked for twice and not shown. */
async function readPassword(minLength: number): Promise<string> {
  const terminal = process.stdin.isTTY === true
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal })
  lines.on('SIGINT', () => process.exit(130))
  const next = lines[Symbol.asyncIterator]()
  const ask = async (question: string): Promise<string> => {
    if (terminal) process.stderr.write(question)
    const { value, done } = await next.next()
    if (terminal) process.stderr.write('\n')
    if (done === true) throw new Error('No password was given: type it, or send it on standard input.')
    return value as string
  }
  try {
    const password = await ask(`Password (${minLength} characters or more): `)
    if (terminal && (await ask('Once more: ')) !== password) throw new Error('The two passwords differ.')
    return password
  } finally {
    lines.close()
  }
}
