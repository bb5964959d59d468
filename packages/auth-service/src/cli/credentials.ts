import { Command } from 'commander'
import { backendKeys } from '../accounts/backend.ts'
import { loadConfig } from '../config.ts'
import { noteShown } from './accounts.ts'

/** `carnet credentials` */
export function credentials(): Command {
  return new Command('credentials')
    .description(
      'print the keys of requests to the backend of accounts.credentials, newest first: the newest signs, and the backend takes all',
    )
    .action(async () => {
      console.log(backendKeys(loadConfig(process.env, { serving: false }).secrets).join(','))
      await noteShown('credentials_shown', null)
    })
}
