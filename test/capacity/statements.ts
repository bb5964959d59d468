import pg from 'pg'
import type { Statements } from './constants.ts'

let reads = 0
let writes = 0

/** Counts, from now on, what this process sends to PostgreSQL. */
export function countStatements(): void {
  const query = pg.Client.prototype.query as (this: pg.Client, ...args: unknown[]) => unknown
  const counting = function (this: pg.Client, ...args: unknown[]): unknown {
    const [first] = args
    const text = typeof first === 'string' ? first : ((first as { text?: string } | undefined)?.text ?? '')
    if (/^(insert|update|delete)/i.test(text)) writes++
    else reads++
    return query.apply(this, args)
  }
  pg.Client.prototype.query = counting as typeof pg.Client.prototype.query
}

/** What was counted so far; BEGIN and COMMIT are among the reads. */
export function counted(): Statements {
  return { reads, writes }
}
