/** What was found: in order, to be seen to, or at fault. */
export type Level = 'ok' | 'warning' | 'fault'

/** One line of a diagnosis: what it is about, and what is so, with what to do. */
export interface Finding {
  readonly level: Level
  readonly about: string
  readonly says: string
}

/** Findings about one thing. */
export function about(thing: string): Readonly<Record<Level, (says: string) => Finding>> {
  const finding = (level: Level) => (says: string) => ({ level, about: thing, says })
  return { ok: finding('ok'), warning: finding('warning'), fault: finding('fault') }
}

/** A time as people say it, rounded down: `3 hours`, `40 days`, `14 months`. */
export function span(ms: number): string {
  const hours = Math.floor(ms / 3_600_000)
  if (hours < 1) return 'less than an hour'
  if (hours < 48) return plural(hours, 'hour')
  const days = Math.floor(hours / 24)
  return days < 60 ? plural(days, 'day') : plural(Math.floor(days / 30.44), 'month')
}

/** A number of things. */
export function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** A step that could not be taken, with what to say of it. */
export class Broken extends Error {
  override readonly name = 'Broken'
  readonly finding: Finding

  constructor(thing: string, level: Level, says: string) {
    super(says)
    this.finding = { level, about: thing, says }
  }
}
