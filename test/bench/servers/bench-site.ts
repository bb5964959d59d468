import { type Manifest, parseManifest, parseSecrets, type Secrets, siteSecrets } from '@carnet/protocol'

/** The auth service's secrets. */
export const SECRETS: Secrets = parseSecrets('a-secret-for-the-bench-of-32-bytes-or-more')

/** The secret of the one site. */
export const SECRET: string = siteSecrets(SECRETS, 'shop')[0]

/** The manifest of the site and an auth service. */
export function manifestAt(auth: string): Manifest {
  const site = '{ id: shop, origin: "http://shop.localhost", fanOut: push }'
  return parseManifest(`auth: ${auth}\nticket: { ttl: 60s }\nsites: [${site}]\n`, 'bench')
}
