import type { Bar } from './group.ts'
import type { Result } from './row.ts'

const WIDTH = 860
const LABELS = 340
const VALUES = 70
const ROW = 24
const BAR = 14
const HEAD = 116
const PART = 44
const LEGEND: readonly { role: Bar['role']; text: string; x: number }[] = [
  { role: 'ours', text: 'Carnet', x: 24 },
  { role: 'peer', text: 'other libraries', x: 110 },
  { role: 'reference', text: 'references: nothing is checked, or one command sent', x: 250 },
]

// GitHub shows the picture in either scheme, and it follows the reader's.
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .part { font-weight: 600 }
  .quiet { fill: #59636e }
  .ours { fill: #0a66c2; font-weight: 600 }
  .peer { fill: #8c959f }
  .reference { fill: #d1d9e0 }
  .paper { fill: #ffffff }
  .axis { stroke: #8c959f }
  text.peer, text.reference { fill: #1f2328 }
  @media (prefers-color-scheme: dark) {
    text, text.peer, text.reference { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .ours, text.ours { fill: #58a6ff }
    .peer { fill: #767e87 }
    .reference { fill: #3d444d }
    .paper { fill: #0d1117 }
    .axis { stroke: #656c76 }
  }`

/**
 * A bar for each row: requests per second, the most at the top of each part. `source` is two lines on where
 * the numbers come from. An SVG file's text.
 */
export function chart(results: readonly Result[], bars: readonly Bar[], source: readonly string[]): string {
  const most = Math.max(...results.map(({ perSecond }) => perSecond))
  const perSecondOf = new Map(results.map(({ name, perSecond }) => [name, perSecond]))
  const parts = [...Map.groupBy(bars, ({ part }) => part)]
  const drawn: string[] = []
  let y = HEAD
  for (const [part, inPart] of parts) {
    const top = y + PART - 8
    drawn.push(text(LABELS, y + PART - 18, part, 'part'))
    y += PART
    const faster = (one: Bar, other: Bar) =>
      (perSecondOf.get(other.name) ?? 0) - (perSecondOf.get(one.name) ?? 0)
    for (const { name, role } of inPart.toSorted(faster)) {
      const perSecond = perSecondOf.get(name) ?? 0
      const length = Math.max(1, Math.round(((WIDTH - LABELS - VALUES) * perSecond) / most))
      const shown = perSecond.toLocaleString('en')
      drawn.push(
        text(LABELS - 10, y + BAR - 2, name, role, 'end'),
        `<rect class="${role}" x="${LABELS}" y="${y}" width="${length}" height="${BAR}" rx="2"/>`,
        text(LABELS + length + 8, y + BAR - 2, shown, role),
      )
      y += ROW
    }
    drawn.push(`<path class="axis" d="M${LABELS - 0.5} ${top}V${y - ROW + BAR + 6}"/>`)
  }
  const height = y + 24
  const list = bars
    .map(({ name }) => `${name}: ${(perSecondOf.get(name) ?? 0).toLocaleString('en')}`)
    .join('; ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">Requests per second of one process on one core</title>
<desc id="desc">${escaped(list)}.</desc>
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
${text(24, 34, 'Requests per second of one process on one core', 'title')}
${source.map((told, index) => text(24, 56 + 18 * index, told, 'quiet')).join('\n')}
${legend()}
${drawn.join('\n')}
</svg>
`
}

function legend(): string {
  return LEGEND.map(({ role, text: label, x }) => {
    const swatch = `<rect class="${role}" x="${x}" y="94" width="12" height="12" rx="2"/>`
    return `${swatch}\n${text(x + 18, 105, label, 'quiet')}`
  }).join('\n')
}

function text(
  x: number,
  y: number,
  content: string,
  style: string,
  anchor: 'start' | 'end' = 'start',
): string {
  const end = anchor === 'end' ? ' text-anchor="end"' : ''
  return `<text class="${style}" x="${x}" y="${y}"${end}>${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
