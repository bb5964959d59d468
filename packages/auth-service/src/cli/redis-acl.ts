import { hash } from 'node:crypto'
import { agentRules, findSite, serviceRules, siteSecrets } from '@carnet/protocol'
import { Command } from 'commander'
import { loadConfig } from '../config.ts'

const SERVICE = 'auth'

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
hashes only. Load them as Redis' aclfile, and put user and password into each part's URL:
  redis://carnet-shop:$(carnet redis-acl --password shop)@redis.internal`,
    )
    .action(({ password }: { password?: string }) => {
      const { manifest, secrets } = loadConfig(process.env, { serving: false })
      const ids = manifest.sites.map(({ id }) => id)
      const passwordsOf = (id: string) => siteSecrets(secrets, `redis/${id}`)
      if (password !== undefined) {
        if (password !== SERVICE && findSite(manifest, password) === null) {
          throw new Error(`There is no site "${password}". There are: ${SERVICE}, ${ids.join(', ')}.`)
        }
        console.log(passwordsOf(password)[0])
        return
      }
      for (const id of [SERVICE, ...ids]) {
        const hashes = passwordsOf(id).map(secret => `#${hash('sha256', secret, 'hex')}`)
        const rules = id === SERVICE ? serviceRules() : agentRules(id)
        console.log(`user carnet-${id} reset on ${hashes.join(' ')} ${rules}`)
      }
    })
}
