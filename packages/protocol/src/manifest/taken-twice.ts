import { z } from 'zod'

/** A fault of a manifest's content: where, as a path of keys and indexes, and what. */
export interface ContentFault {
  readonly path: readonly (string | number)[]
  /** Set where the fault is an unknown key of the object at `path`. */
  readonly unknownKey: string | null
  /** With `unknownKey`: the keys that are known there. */
  readonly knownKeys: readonly string[]
  readonly message: string
}

// As much of any content as has to be looked at across sites; what is faulty in itself is told by the schema.
const identities = z.object({
  auth: z.unknown().optional(),
  sites: z.array(
    z
      .object({
        id: z.unknown().optional(),
        origin: z.unknown().optional(),
        aliases: z.array(z.unknown()).optional().catch(undefined),
      })
      .catch({ id: null, origin: null }),
  ),
})

/** Ids and host names stand for one site each: cookies ignore ports, so two origins on one host would share them. */
export function takenTwice(content: unknown): ContentFault[] {
  const read = identities.safeParse(content)
  if (!read.success) return []
  const faults: ContentFault[] = []
  const fault = (path: (string | number)[], message: string) =>
    faults.push({ path, unknownKey: null, knownKeys: [], message })
  const owners = new Map<string | null, string>([[hostOf(read.data.auth), 'auth']])
  const ids = new Set<unknown>()
  read.data.sites.forEach(({ id, origin, aliases = [] }, index) => {
    if (typeof id === 'string' && ids.has(id))
      fault(['sites', index, 'id'], `the id "${id}" is taken by another site`)
    ids.add(id)
    ;[origin, ...aliases].forEach((each, nth) => {
      const host = hostOf(each)
      const owner = owners.get(host)
      if (host === null) return
      owners.set(host, typeof id === 'string' ? id : 'another site')
      if (owner === undefined) return
      const path = nth === 0 ? ['sites', index, 'origin'] : ['sites', index, 'aliases', nth - 1]
      fault(
        path,
        `the host ${host} is taken by "${owner}": cookies ignore ports, so each origin needs a host of its own`,
      )
    })
  })
  return faults
}

function hostOf(origin: unknown): string | null {
  return typeof origin === 'string' && URL.canParse(origin) ? new URL(origin).hostname : null
}
