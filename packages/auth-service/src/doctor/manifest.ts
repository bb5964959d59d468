import { dirname } from 'node:path'
import type { Config } from '../config.ts'
import { readLogo } from '../logo.ts'
import { about, type Finding } from './finding.ts'

/** Whether this is production, and what of the manifest is allowed and still worth a second look. */
export function examineManifest(
  { production, manifest, manifestFile }: Config,
  nodeEnv: string | undefined,
): Finding[] {
  const { ok, warning } = about('manifest')
  const { auth, sites, brand, ticket } = manifest
  const findings: Finding[] = []
  for (const { logo } of [brand, ...sites.map(site => site.brand)]) {
    if (logo == null || logo.startsWith('data:')) continue
    try {
      readLogo(dirname(manifestFile), logo)
    } catch (error) {
      findings.push(
        warning(`the logo ${logo} cannot be read: ${(error as Error).message}. Pages go without it.`),
      )
    }
  }
  if (ticket.binding === 'off' || ticket.binding === 'log') {
    findings.push(
      warning(
        `ticket.binding is ${ticket.binding}: a ticket that leaks is good from any address. Choose prefix.`,
      ),
    )
  }
  const because = nodeEnv === 'production' ? 'NODE_ENV says so' : `auth is ${auth}`
  return [
    about('production').ok(
      production ? `yes: ${because}` : `no: auth is ${auth}, and NODE_ENV is not production`,
    ),
    ok(`${manifestFile} is in order: ${sites.map(({ id }) => id).join(', ')}`),
    ...findings,
  ]
}
