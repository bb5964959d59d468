import { hash } from 'node:crypto'
import type { DeployFile } from './plan.ts'

const MARK = /^# Made by `carnet deploy render` \(([0-9a-f]{16})\)\. .*\n/
// An ACL file of Redis takes no comment.
const ACL = /^(user (default|carnet-[a-z0-9-]+) reset .*\n)+$/

/** A file that says on its first line who made it, and whether it was changed since. */
export function marked(path: string, text: string): DeployFile {
  const first = `# Made by \`carnet deploy render\` (${digestOf(text)}). It is not written again once it was changed here.\n`
  return { path, text: first + text }
}

/** A text without the mark. */
export function unmarked(text: string): string {
  return text.replace(MARK, '')
}

/** Whether a text is as it was made. */
export function isUntouched(text: string): boolean {
  const [, digest] = MARK.exec(text) ?? []
  return digest === undefined ? ACL.test(text) : digest === digestOf(unmarked(text))
}

function digestOf(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}
