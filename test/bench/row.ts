/** One thing that is done over and over. */
export interface Row {
  readonly name: string
  /** The rows that its ratios are to, the most telling first; none for a reference. */
  readonly of: readonly Reference[]
  /** How long the event loop may be held up, at p99. */
  readonly delayAtMostMs?: number
  measure(): Promise<Measured>
}

/** Another row of the same group, by its name. */
export interface Reference {
  readonly row: string
  /** The target: the ratio that is wanted. */
  readonly atLeast?: number
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
  readonly perSecond: number
  /** The first of `ratios`; 1 to itself for a reference. */
  readonly ratio: number
  readonly of: string
  readonly ratios: readonly Ratio[]
  readonly delayMs?: number
  readonly delayAtMostMs?: number
}

/** How a row compares to another in the same round: a slow minute is slow for both. */
export interface Ratio {
  readonly of: string
  readonly ratio: number
  readonly atLeast?: number
}

/** Measures all rows in turns. */
export async function measureInTurns(
  rows: readonly Row[],
  { rounds, told }: { rounds: number; told: (row: Row, measured: Measured) => void },
): Promise<Result[]> {
  const measured = new Map<string, Measured[]>(rows.map(({ name }) => [name, []]))
  for (const { name, of } of rows) {
    const stranger = of.find(({ row }) => !measured.has(row))
    if (stranger !== undefined)
      throw new TypeError(`"${name}" compares to "${stranger.row}", which is no row.`)
  }
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      const once = await row.measure()
      measured.get(row.name)?.push(once)
      told(row, once)
    }
  }
  return rows.map(row => toResult(row, measured))
}

function toResult({ name, of, delayAtMostMs }: Row, measured: ReadonlyMap<string, Measured[]>): Result {
  const each = measured.get(name) ?? []
  const ratios = of.map(({ row, atLeast }) => {
    const others = measured.get(row) ?? []
    const inRounds = each.map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN))
    return { of: row, ratio: Number(median(inRounds).toFixed(3)), ...(atLeast !== undefined && { atLeast }) }
  })
  const delays = each.flatMap(({ delayMs }) => delayMs ?? [])
  return {
    name,
    perSecond: rounded(median(each.map(({ perSecond }) => perSecond))),
    ratio: ratios[0]?.ratio ?? 1,
    of: ratios[0]?.of ?? name,
    ratios,
    ...(delays.length > 0 && { delayMs: rounded(median(delays)) }),
    ...(delayAtMostMs !== undefined && { delayAtMostMs }),
  }
}

/** Three digits, or all that stand before the point. */
export function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

/** The one in the middle; the mean of the two where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
