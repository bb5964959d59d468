/** One thing that is measured. */
export interface Row {
  readonly name: string
  /** The name of the row that its ratio is to; its own for a reference. */
  readonly of: string
  measure(): Promise<Measured>
}

/** Rows that share what runs beside them. */
export interface Group {
  readonly rows: readonly Row[]
  stop(): Promise<void>
}

/** What one round has measured of a row. */
export interface Measured {
  readonly perSecond: number
  /** The 99th percentile of the event loop's delay, in ms; absent where nobody looked. */
  readonly delayMs?: number
}

/** A row over all rounds: medians. */
export interface Result {
  readonly name: string
  readonly of: string
  readonly perSecond: number
  /** To the other row in the same round: a slow minute is slow for both. */
  readonly ratio: number
  readonly delayMs?: number
}

/** Measures all rows in turns. */
export async function measureInTurns(
  rows: readonly Row[],
  { rounds, told }: { rounds: number; told: (row: Row, measured: Measured) => void },
): Promise<Result[]> {
  const measured = new Map<string, Measured[]>(rows.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      const once = await row.measure()
      measured.get(row.name)?.push(once)
      told(row, once)
    }
  }
  return rows.map(({ name, of }) => {
    const each = measured.get(name) ?? []
    const others = measured.get(of) ?? []
    const ratios = each.map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN))
    const delays = each.flatMap(({ delayMs }) => delayMs ?? [])
    return {
      name,
      of,
      perSecond: rounded(median(each.map(({ perSecond }) => perSecond))),
      ratio: Number(median(ratios).toFixed(3)),
      ...(delays.length > 0 && { delayMs: rounded(median(delays)) }),
    }
  })
}

/** Three digits, or all that stand before the point. */
export function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
