import { Command } from 'commander'
import { backendKey } from '../accounts/backend.ts'
import { loadConfig } from '../config.ts'
import { noteShown } from './accounts.ts'

/** `carnet credentials` */
export function credentials(): Command {
  return new Command('credentials')
    .description('print the key that signs requests to the backend of accounts.credentials')
    .action(async () => {
      console.log(backendKey(loadConfig(process.env, { serving: false }).secrets))
      await noteShown('credentials_shown', null)
    })
}
