import type { Answer } from './visitor.ts'

/** What is asked for. */
export const KINDS = ['sign-up', 'sign-in', 'redeem', 'check', 'sign-out'] as const
export type Kind = (typeof KINDS)[number]

/** Something that was promised and not kept. */
export interface Violation {
  readonly what:
    | 'ticket accepted twice'
    | 'ticket accepted late'
    | 'signed out, yet signed in'
    | 'wrong user'
    | 'registration lost'
    | 'cookie in a 5xx'
  /** The session, ticket or address that it is about. */
  readonly subject: string
  readonly detail: string
  /** Ms since the fault began; negative before it. */
  readonly at: number
}

/** A session as the browser that has it knows it. */
export interface Known {
  readonly name: string
  readonly email: string
  /** The `Cookie` header for each origin, as it was before anything was signed out. */
  readonly cookies: Map<string, string>
  /** Set as soon as a sign-out is asked for: from then on the answers may be either. */
  ending: boolean
  /** When a sign-out was acknowledged, and by whom; whether that place is a single process, which must know it at once. */
  ended: { readonly at: number; readonly by: string; readonly oneProcess: boolean } | null
}

interface Asked {
  readonly kind: Kind
  /** The origin that was asked. */
  readonly place: string
  readonly good: boolean
  /** Answered with 5xx, or not at all: neither done nor refused for a reason of its own. */
  readonly failed: boolean
  readonly status: number
  readonly beganAt: number
  readonly endedAt: number
}

/** A sign-out acknowledged at one place is in force everywhere that long after. */
export const BOUND_MS = 2_000
/** Tickets live 3 s; the rest is for the clock of this process. */
export const TICKET_BOUND_MS = 3_100
// Every answer is to come within a second; the rest is for a machine that is busy.
const SLOW_MS = 1_250
const AT_ONCE: readonly Kind[] = ['redeem', 'check', 'sign-out']

/** Remembers every acknowledged answer, and says which later one is at odds with it. */
export class Oracle {
  readonly violations: Violation[] = []
  readonly asked: Asked[] = []
  readonly #accepted = new Map<string, number>()
  readonly #lost = new Set<string>()
  #beganAt = Number.POSITIVE_INFINITY
  #endedAt: number | null = null
  /** The longest time for which a session was seen alive somewhere after its sign-out was acknowledged elsewhere. */
  lateSignOutMs = 0
  /** Answers that took longer than they may, and what the slowest took; a sign-in waits for its hash. */
  slow = 0
  slowestMs = 0
  /** How often a ticket was shown that must not open anything any more. */
  shownAgain = 0
  /** How many checks of sessions that were signed out. */
  checkedAfter = 0

  faultBegan(): void {
    this.#beganAt = performance.now()
  }

  faultEnded(): void {
    this.#endedAt = performance.now()
  }

  /** From when on things ought to get better: the fault's end, or its beginning where nothing ends it. */
  get reference(): number {
    return this.#endedAt ?? this.#beganAt
  }

  get beganAt(): number {
    return this.#beganAt
  }

  /** Live sessions that a site said were none. */
  get lost(): number {
    return this.#lost.size
  }

  violated(what: Violation['what'], subject: string, detail = ''): void {
    const at = Number.isFinite(this.#beganAt) ? Math.round(performance.now() - this.#beganAt) : -1
    this.violations.push({ what, subject, detail, at })
  }

  /** Notes an answer, and whether it did what was asked. */
  note(kind: Kind, answer: Answer, good: boolean): boolean {
    const failed = answer.status === 0 || answer.status >= 500
    const { status, beganAt, endedAt } = answer
    this.asked.push({ kind, place: new URL(answer.url).origin, good, failed, status, beganAt, endedAt })
    if (AT_ONCE.includes(kind)) {
      this.slowestMs = Math.max(this.slowestMs, endedAt - beganAt)
      if (endedAt - beganAt > SLOW_MS) this.slow += 1
    }
    this.watch(answer)
    return good
  }

  /** Looks at an answer whose outcome does not count. */
  watch(answer: Answer): void {
    if (answer.status >= 500 && answer.cookies.length > 0) {
      this.violated('cookie in a 5xx', new URL(answer.url).pathname, `${answer.status}`)
    }
  }

  /** A ticket was shown, and `opened` says what came of it. `receivedAt` is when the one that it was for had it in hand. */
  shown(ticket: string, answer: Answer, opened: boolean, receivedAt: number): void {
    if (!opened) return
    const times = (this.#accepted.get(ticket) ?? 0) + 1
    this.#accepted.set(ticket, times)
    // The first letters name the site; the rest would open something.
    const name = ticket.slice(0, ticket.indexOf('.') + 5)
    if (times > 1) this.violated('ticket accepted twice', name)
    const age = answer.beganAt - receivedAt
    if (age > TICKET_BOUND_MS)
      this.violated('ticket accepted late', name, `${Math.round(age)} ms after it was received`)
  }

  /** Judges what a place says of a session. True where the answer tells anything at all. */
  checked(session: Known, origin: string, answer: Answer): boolean {
    const told = answer.status === 200 || answer.status === 401
    this.note('check', answer, told)
    if (!told) return false
    const email = emailIn(answer)
    const { ended } = session
    if (email === null) {
      if (!session.ending) this.#lost.add(session.name)
      return true
    }
    if (email !== session.email) {
      this.violated('wrong user', session.name, `${email} for ${session.email} at ${origin}`)
    }
    if (ended === null || answer.beganAt <= ended.at) return true
    this.checkedAfter += 1
    const after = answer.beganAt - ended.at
    if (after > BOUND_MS || (origin === ended.by && ended.oneProcess)) {
      this.violated(
        'signed out, yet signed in',
        session.name,
        `at ${origin}, ${Math.round(after)} ms after ${ended.by} acknowledged it`,
      )
    } else this.lateSignOutMs = Math.max(this.lateSignOutMs, after)
    return true
  }

  /** How many of a kind were acknowledged. */
  count(kind: Kind): number {
    return this.asked.filter(one => one.kind === kind && one.good).length
  }

  /** Asked since the fault began: all, and those that failed. */
  since(kind: Kind): { all: number; failed: number } {
    const since = this.asked.filter(one => one.kind === kind && one.endedAt >= this.#beganAt)
    return { all: since.length, failed: since.filter(({ failed }) => failed).length }
  }

  /**
   * Ms from the reference to the first good answer to something asked after it: of all places that ever did it, the
   * last one's. Where nothing failed after the reference, only what that answer took counts. Null while one is missing, or there is none.
   */
  firstGood(kind: Kind): number | null {
    const places = this.#firstGoodByPlace(kind)
    return places.size === 0 || this.missing(kind).length > 0
      ? null
      : Math.round(Math.max(...places.values()))
  }

  /** The places that did it once, and have not since the reference. */
  missing(kind: Kind): string[] {
    const back = this.#firstGoodByPlace(kind)
    const all = new Set(this.asked.filter(one => one.kind === kind && one.good).map(({ place }) => place))
    return [...all].filter(place => !back.has(place))
  }

  #firstGoodByPlace(kind: Kind): Map<string, number> {
    const places = new Map<string, number>()
    const asked = this.asked.filter(one => one.kind === kind)
    for (const one of asked) {
      if (!one.good || one.beganAt < this.reference || places.has(one.place)) continue
      // Where nothing failed, the time that passed before somebody asked is no time of recovery.
      const failed = asked.some(
        ({ failed, place, endedAt }) =>
          failed && place === one.place && endedAt >= this.reference && endedAt <= one.endedAt,
      )
      places.set(one.place, one.endedAt - (failed ? this.reference : one.beganAt))
    }
    return places
  }

  /** Ms from the reference to the last answer that failed; 0 where none did after it. */
  lastFailed(kind: Kind): number {
    const times = this.asked
      .filter(one => one.kind === kind && one.failed)
      .map(({ endedAt }) => endedAt - this.reference)
    return Math.round(Math.max(0, ...times))
  }
}

/** Who is signed in by the word of an agent or of the auth service; null for nobody. */
export function emailIn({ status, body }: Answer): string | null {
  if (status !== 200) return null
  const { data } = JSON.parse(body) as { data?: { user?: { email: string } | null } }
  return data?.user?.email ?? null
}
