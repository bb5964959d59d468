import { findSite } from '@carnet/protocol'
import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { aclFile, redisPasswords, SERVICE } from '../deploy/redis-acl.ts'
import { noteShown } from './accounts.ts'

/** `carnet redis-acl` */
export function redisAcl(): Command {
  return new Command('redis-acl')
    .description(
      'print an ACL file for Redis: a user for the auth service and one for each site, each with no more than it needs',
    )
    .option('--password <site>', "print a site's password instead, or that of auth")
    .addHelpText(
      'after',
      `
The users are carnet-auth and carnet-<site>. Their passwords are derived from CARNET_SECRETS; the rules hold their
hashes only. Put user and password into each part's URL:
  redis://carnet-shop:$(carnet redis-acl --password shop)@redis.internal

The default user is shut out: add a line for yourself, and for replicas and sentinels where there are any, before you
load the file (aclfile, or ACL LOAD). A new site needs it printed and loaded again, on every node.`,
    )
    .action(async ({ password }: { password?: string }) => {
      const { manifest, secrets } = loadConfig(process.env, { serving: false })
      if (password === undefined) return void process.stdout.write(aclFile(manifest, secrets))
      if (password !== SERVICE && findSite(manifest, password) === null) {
        const ids = [SERVICE, ...manifest.sites.map(({ id }) => id)]
        throw new Error(`There is no site "${password}". There are: ${ids.join(', ')}.`)
      }
      console.log(redisPasswords(secrets, password)[0])
      return noteShown('redis_password_shown', password === SERVICE ? null : password)
    })
}
