import { Command } from 'commander'
import { type Accounts, accountOf, withAccounts } from './accounts.ts'
import { jsonOf, printable } from './printed.ts'

/** `carnet session list|revoke` */
export function session(): Command {
  const command = new Command('session').description('the live sessions')

  command
    .command('list')
    .description('list live sessions, of one user or of all')
    .argument('[email]', 'the e-mail address')
    .option('--json', 'as JSON')
    .action(async (email: string | undefined, { json }: { json?: boolean }) => {
      const listed = await withAccounts(
        async accounts => {
          refuseBlind(accounts)
          const { users, sessions } = accounts
          const userId = email === undefined ? undefined : (await accountOf(users, email)).user.id
          const emails = new Map((await users.list()).map(({ user }) => [user.id, user.email]))
          return (await sessions.list(userId)).map(session => ({
            ...session,
            email: emails.get(session.userId) ?? '',
          }))
        },
        { store: true },
      )
      if (json) return console.log(jsonOf(listed, 2))
      if (listed.length === 0) console.log('Nobody is signed in.')
      for (const { id, email: of, address, device, startedAt } of listed)
        console.log(
          printable(
            `${id}  ${of.padEnd(28)} ${new Date(startedAt).toISOString()}  ${address.padEnd(16)} ${device}`,
          ),
        )
    })

  command
    .command('revoke')
    .description("end a session by its id, all of a user by the e-mail address, or with --all everybody's")
    .argument('[id or email]', 'as "carnet session list" prints it')
    .option('--all', 'sign everybody out, everywhere')
    .option('--json', 'as JSON')
    .action(async (which: string | undefined, { json, all }: { json?: boolean; all?: boolean }) => {
      if ((which === undefined) === (all !== true))
        throw new Error('Name a session or an e-mail address, or give --all for everybody.')
      const ended = await withAccounts(
        async accounts => {
          refuseBlind(accounts)
          const { users, sessions, audit } = accounts
          if (which === undefined) {
            audit.note({ event: 'sessions_revoked', actor: 'admin', user: null })
            return sessions.endEverybodys()
          }
          if (which.includes('@')) {
            const { user } = await accountOf(users, which)
            await users.change(user.id, { newEpoch: true })
            audit.note({ event: 'sessions_revoked', actor: 'admin', user: user.id })
            return sessions.end(user.id, 'all')
          }
          const userId = await sessions.userOf(which)
          if (userId === null)
            throw new Error(`There is no live session ${which}. "carnet session list" lists them.`)
          audit.note({ event: 'session_revoked', actor: 'admin', user: userId, session: which })
          return sessions.end(userId, { id: which })
        },
        { store: true },
      )
      console.log(json ? JSON.stringify({ ended }) : `Ended: ${ended}.`)
    })

  return command
}

function refuseBlind({ blind }: Accounts): void {
  if (blind !== null) throw new Error(blind)
}
