import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The block of a guide that begins with this line, with parts of it replaced, each of which must be there. */
export function fromGuide(guide: string, first: string, replaced: Readonly<Record<string, string>>): string {
  const page = readFileSync(join(import.meta.dirname, '../../docs/guides', guide), 'utf8')
  const blocks = [...page.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  let block = blocks.find(text => text.startsWith(`${first}\n`))
  if (block === undefined) throw new Error(`${guide} has no block that begins with "${first}".`)
  for (const [part, by] of Object.entries(replaced)) {
    if (!block.includes(part)) throw new Error(`"${part}" is not in "${first}" of ${guide}.`)
    block = block.replaceAll(part, by)
  }
  return block
}
