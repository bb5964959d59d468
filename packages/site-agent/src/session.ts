import type { SessionRecord, User } from '@carnet/protocol'

/** The session as an app sees it; moments are ms since epoch. */
export interface Session {
  /** A public name of this session: it opens nothing, and is the same at every site. */
  readonly id: string
  readonly user: User
  readonly startedAt: number
  /** When the user last gave a password. */
  readonly authenticatedAt: number
  /** The absolute end. It may end sooner: unused, or signed out anywhere. */
  readonly expiresAt: number
}

/** What an app may see of a session. */
export function toSession(handle: string, record: SessionRecord): Session {
  const { user, startedAt, authenticatedAt, expiresAt } = record
  return { id: handle, user, startedAt, authenticatedAt, expiresAt }
}

const SEPARATOR = '\n'
const NO_ROLES: readonly string[] = Object.freeze([])

/** A session as text, or null where that would change it: one of its parts holds the separator, or half a character. */
export function textOf({ id, user, startedAt, authenticatedAt, expiresAt }: Session): string | null {
  const given = authenticatedAt - startedAt
  const parts = [id, startedAt, given, expiresAt - startedAt, user.id, user.name, user.email, ...user.roles]
  if (parts.some(part => String(part).includes(SEPARATOR))) return null
  // Whether the address is confirmed is told by the first character.
  const text = (user.emailVerified ? '1' : '0') + parts.join(SEPARATOR)
  // What is joined stays a tree of its parts in memory until it is copied.
  return text.isWellFormed() ? Buffer.from(text).toString() : null
}

/** The session that was made into such a text. */
export function sessionOf(text: string): Session {
  const a = text.indexOf(SEPARATOR)
  const b = text.indexOf(SEPARATOR, a + 1)
  const c = text.indexOf(SEPARATOR, b + 1)
  const d = text.indexOf(SEPARATOR, c + 1)
  const e = text.indexOf(SEPARATOR, d + 1)
  const f = text.indexOf(SEPARATOR, e + 1)
  const g = text.indexOf(SEPARATOR, f + 1)
  const startedAt = Number(text.slice(a + 1, b))
  return {
    id: text.slice(1, a),
    user: {
      id: text.slice(d + 1, e),
      name: text.slice(e + 1, f),
      email: text.slice(f + 1, g < 0 ? undefined : g),
      emailVerified: text.startsWith('1'),
      roles: g < 0 ? NO_ROLES : text.slice(g + 1).split(SEPARATOR),
    },
    startedAt,
    authenticatedAt: startedAt + Number(text.slice(b + 1, c)),
    expiresAt: startedAt + Number(text.slice(c + 1, d)),
  }
}
