import { hash } from 'node:crypto'
import { agentRules, type Manifest, type Secrets, serviceRules, siteSecrets } from '@carnet/protocol'

/** The auth service among Redis' users; no site has this id. */
export const SERVICE = 'auth'

/** The passwords of a site's user in Redis, or of the auth service's, newest first. */
export function redisPasswords(secrets: Secrets, id: string): readonly string[] {
  return siteSecrets(secrets, `redis/${id}`)
}

/** An ACL file for Redis: a user for the auth service and one for each site. It holds hashes, no passwords. */
export function aclFile({ sites }: Manifest, secrets: Secrets): string {
  const users = [SERVICE, ...sites.map(({ id }) => id)].map(id => {
    const hashes = redisPasswords(secrets, id).map(secret => `#${hash('sha256', secret, 'hex')}`)
    const rules = id === SERVICE ? serviceRules() : agentRules(id)
    return `user carnet-${id} reset on ${hashes.join(' ')} ${rules}\n`
  })
  // An ACL file that does not name it lets everybody in without a password, and voids `requirepass`.
  return `user default reset off\n${users.join('')}`
}
