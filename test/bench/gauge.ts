import { median, rounded } from './row.ts'

/** Something that is read off, and reads several quantities at once. */
export interface Gauge {
  readonly quantities: readonly Quantity[]
  /** How often it is read at most; left out, once in each round. */
  readonly readings?: number
  /** The values, in the order of the quantities. */
  read(): Promise<readonly number[]>
}

/** What a gauge reads. */
export interface Quantity {
  readonly name: string
  readonly unit: string
  /** The target; left out where the value only explains another. */
  readonly atMost?: number
}

/** A quantity over all rounds: the median. */
export interface Reading extends Quantity {
  readonly value: number
  /** Absent where there is no target. */
  readonly met?: boolean
}

/** Reads a gauge as often as there are rounds. */
export async function readGauge(
  { quantities, readings = Number.POSITIVE_INFINITY, read }: Gauge,
  { rounds, told }: { rounds: number; told: (quantity: Quantity, value: number) => void },
): Promise<Reading[]> {
  const all: (readonly number[])[] = []
  while (all.length < Math.min(rounds, readings)) {
    const values = await read()
    all.push(values)
    for (const [index, quantity] of quantities.entries()) told(quantity, rounded(values[index] ?? Number.NaN))
  }
  return quantities.map((quantity, index) => {
    const value = rounded(median(all.map(values => values[index] ?? Number.NaN)))
    const { atMost } = quantity
    return { ...quantity, value, ...(atMost !== undefined && { met: value <= atMost }) }
  })
}
