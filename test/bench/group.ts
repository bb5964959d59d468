import type { Gauge } from './gauge.ts'
import type { Row } from './row.ts'

/** Rows and gauges that share what runs beside them, and a table. */
export interface Group {
  readonly rows?: readonly Row[]
  readonly gauges?: readonly Gauge[]
  /** Packages whose versions the table names. */
  readonly packages?: readonly string[]
  /** Rows that a chart shows. */
  readonly bars?: readonly Bar[]
  stop?(): Promise<void>
}

/** How a chart shows a row. */
export interface Bar {
  /** The row's name. */
  readonly name: string
  /** The part of the chart that it stands in. */
  readonly part: string
  readonly role: 'ours' | 'peer' | 'reference'
}
