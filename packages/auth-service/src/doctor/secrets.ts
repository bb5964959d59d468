import type { Manifest } from '@carnet/protocol'
import type { KeyAge } from '../accounts/keys.ts'
import { about, type Finding, plural, span } from './finding.ts'
import type { SiteOrigin } from './sites.ts'

const ROTATE_AFTER_MS = 365 * 86_400_000

/** How old the secrets are, newest first, and which can be dropped. */
export function examineSecrets(
  ages: readonly KeyAge[],
  { session }: Manifest,
  now: number = Date.now(),
): Finding[] {
  const { ok, warning } = about('secrets')
  const [newest, ...older] = ages
  const longest = Math.max(session.remember, session.absolute)
  return [
    ok(`${plural(ages.length, 'secret')}; what they sign ends within ${span(longest)}`),
    ...(newest === undefined ? [] : [examineNewest(newest, now)]),
    ...older.map((age, index) => {
      const which = older.length === 1 ? 'the older secret' : `the older secret no. ${index + 2}`
      const since = newest?.signsSince ?? null
      if (since === null) return ok(`${which} still verifies`)
      const signed = `${which} still verifies; since ${span(now - since)} a newer one signs`
      if (age.signsSince === null && now - since > longest) {
        return warning(`${signed}, and the longest life is ${span(longest)}: it can be dropped.`)
      }
      return ok(`${signed}, and it can be dropped in ${span(since + longest - now)}`)
    }),
  ]
}

function examineNewest({ firstSeenAt, signsSince }: KeyAge, now: number): Finding {
  const { ok, warning } = about('secrets')
  if (firstSeenAt === null) {
    return warning(
      'no service has run with the newest secret yet: restart those that run, each with the same CARNET_SECRETS.',
    )
  }
  if (signsSince === null) {
    return warning(
      'the service that started last signs with another secret than the newest one here: give all processes the same CARNET_SECRETS.',
    )
  }
  const age = now - firstSeenAt
  if (age > ROTATE_AFTER_MS)
    return warning(`the newest secret is ${span(age)} old: rotate, as docs/guides/secrets.md says.`)
  return ok(`the newest secret is ${span(age)} old`)
}

/** Which of its secrets a site's agent signs with. */
export type SiteSecret = 'newest' | 'older' | 'foreign'

/** Whether an agent has the secrets that were derived for its site. */
export function judgeSiteSecret({ site: { id }, origin }: SiteOrigin, secret: SiteSecret): Finding[] {
  const { warning, fault } = about('secrets')
  if (secret === 'newest') return []
  const todo = `give it what "carnet site secret ${id}" prints (CARNET_SITE_SECRETS)`
  return secret === 'older'
    ? [
        warning(
          `${id}: the agent at ${origin} signs with an older secret: ${todo}, before that one is dropped.`,
        ),
      ]
    : [fault(`${id}: the agent at ${origin} signs with a secret that is not this site's: ${todo}.`)]
}
