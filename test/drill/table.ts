import type { Outcome } from './drill.ts'
import type { Kind, Violation } from './oracle.ts'

/** The first lines of the table. */
export const HEAD: string = `| failure | what users see | lost, violations | longest recovery | acknowledged |
| --- | --- | --- | --- | --- |`

/** The outcomes as a Markdown table. */
export function table(outcomes: readonly Outcome[]): string {
  return [HEAD, ...outcomes.map(row)].join('\n')
}

/** An outcome as a row of it. */
export function row(outcome: Outcome): string {
  const { failure, unproven, counts } = outcome
  const cells = [
    failure,
    unproven === null ? seen(outcome) : `**not proven**: ${unproven}`,
    broken(outcome),
    recovery(outcome),
    `${counts['sign-in']} sign-ins, ${counts.redeem} redeems, ${counts['sign-out']} sign-outs, ${counts.check} checks`,
  ]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function seen({ failedSince, slow, slowestMs }: Outcome): string {
  const parts = (['sign-in', 'redeem', 'check', 'sign-out'] as const).flatMap(kind => {
    const { all, failed } = failedSince[kind]
    return failed === 0 ? [] : [`${failed} of ${all} ${kind}s`]
  })
  const refused = parts.length === 0 ? 'nothing' : `"try again" for ${parts.join(', ')}`
  return slow === 0 ? refused : `${refused}; ${slow} answers took up to ${seconds(slowestMs)}`
}

function broken({ violations, lostSessions, lateSignOutMs }: Outcome): string {
  const kinds = new Map<Violation['what'], Set<string>>()
  for (const { what, subject } of violations) {
    kinds.set(what, (kinds.get(what) ?? new Set<string>()).add(subject))
  }
  const parts = [...kinds].map(([what, subjects]) => `**${subjects.size} × ${what}**`)
  if (lostSessions > 0) parts.push(`${lostSessions} sessions lost`)
  if (lateSignOutMs > 0) parts.push(`a sign-out in force after ${lateSignOutMs} ms`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}

function recovery({ recoveryMs, lastFailedMs, unrecovered }: Outcome): string {
  if (unrecovered.length > 0) return `**none**: ${unrecovered.join(', ')}`
  const kinds: readonly Kind[] = ['sign-in', 'redeem', 'check', 'sign-out']
  const first = kinds.map(kind => recoveryMs[kind])
  const last = Math.max(...kinds.map(kind => lastFailedMs[kind]))
  const good = seconds(Math.max(...first.map(ms => ms ?? 0)))
  return last === 0 ? good : `${good}; last refusal after ${seconds(last)}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
