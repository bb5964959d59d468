import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A block of a guide. */
export interface GuideBlock {
  /** As the page says: `sh`, `js`, … */
  readonly language: string
  readonly text: string
}

/** A guide's blocks, in order. */
export function blocksOf(guide: string): GuideBlock[] {
  const page = readFileSync(join(import.meta.dirname, '../../docs/guides', guide), 'utf8')
  return [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }))
}

/** The block of a guide that begins with this line, with parts of it replaced, each of which must be there. */
export function fromGuide(guide: string, first: string, replaced: Readonly<Record<string, string>>): string {
  let block = blocksOf(guide).find(({ text }) => text.startsWith(`${first}\n`))?.text
  if (block === undefined) throw new Error(`${guide} has no block that begins with "${first}".`)
  for (const [part, by] of Object.entries(replaced)) {
    if (!block.includes(part)) throw new Error(`"${part}" is not in "${first}" of ${guide}.`)
    block = block.replaceAll(part, by)
  }
  return block
}
