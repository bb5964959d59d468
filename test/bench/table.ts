import type { Reading } from './gauge.ts'
import type { Ratio, Result } from './row.ts'

/** A table in Markdown, of rows and their targets. */
export function rowsTable(results: readonly Result[]): string {
  const looked = results.some(({ delayMs }) => delayMs !== undefined)
  const lines = results.map(result => {
    const ratios = result.ratios.map(({ of, ratio }) => `${ratio.toFixed(2)} of ${of}`).join('<br>')
    const cells = [result.name, result.perSecond.toLocaleString('en'), ratios]
    if (looked) cells.push(result.delayMs === undefined ? '' : `${result.delayMs} ms`)
    return line([...cells, targetsOf(result).join('<br>')])
  })
  const heads = ['what', 'per second', 'ratio', ...(looked ? ["event loop's delay, p99"] : []), 'target']
  const rules = ['---', '---:', '---', ...(looked ? ['---:'] : []), '---']
  return [line(heads), line(rules), ...lines].join('\n')
}

/** A table in Markdown, of readings and their targets. */
export function readingsTable(readings: readonly Reading[]): string {
  const lines = readings.map(({ name, value, unit, atMost, met }) => {
    const target = atMost === undefined ? '' : judged(`≤ ${atMost} ${unit}`, met === true)
    return line([name, `${value.toLocaleString('en', { maximumSignificantDigits: 6 })} ${unit}`, target])
  })
  return [line(['what', 'measured', 'target']), line(['---', '---:', '---']), ...lines].join('\n')
}

function targetsOf({ ratios, delayMs, delayAtMostMs }: Result): string[] {
  const wanted = ratios.filter((ratio): ratio is Required<Ratio> => ratio.atLeast !== undefined)
  return [
    ...wanted.map(({ of, ratio, atLeast }) => judged(`≥ ${atLeast} of ${of}`, ratio >= atLeast)),
    ...(delayMs === undefined || delayAtMostMs === undefined
      ? []
      : [judged(`≤ ${delayAtMostMs} ms`, delayMs <= delayAtMostMs)]),
  ]
}

function judged(target: string, met: boolean): string {
  return met ? `${target}: met` : `${target}: **missed**`
}

/** A table in Markdown whose first column is text and whose others are numbers. */
export function numbersTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const rules = heads.map((_, column) => (column === 0 ? '---' : '---:'))
  return [heads, rules, ...rows].map(line).join('\n')
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
