import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DOCS = join(import.meta.dirname, '../../docs')

/** Puts a text between the marks of its name in a page of the docs. Throws where the page has no such marks. */
export function writeBlock(
  name: string,
  content: string,
  { page: named, kind }: { page: string; kind: string } = { page: 'performance.md', kind: 'bench' },
): void {
  const file = join(DOCS, named)
  const page = readFileSync(file, 'utf8')
  const [opening, closing] = [`<!-- ${kind} ${name} -->`, `<!-- /${kind} ${name} -->`]
  const from = page.indexOf(opening)
  const to = page.indexOf(closing)
  if (from < 0 || to < from) throw new Error(`${file} lacks the marks ${opening} and ${closing}.`)
  writeFileSync(file, `${page.slice(0, from + opening.length)}\n\n${content}\n\n${page.slice(to)}`)
}

/** Keeps the chart beside the page. */
export function writeChart(svg: string): void {
  writeFileSync(join(DOCS, 'performance.svg'), svg)
}
