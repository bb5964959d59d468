import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isUntouched, unmarked } from './mark.ts'
import type { DeployFile } from './plan.ts'

/**
 * Writes files into a folder: into one that is new or empty, or over those that were made here before and not changed
 * since. Other files beside them stay. Throws, and has written nothing, where anything stands in the way and `force` is
 * false.
 */
export function writeFiles(folder: string, files: readonly DeployFile[], force: boolean): void {
  try {
    const targets = files.map(({ path, text }) => ({ path, text, at: join(folder, path) }))
    const there = targets.filter(({ at }) => existsSync(at))
    const foreign = there.filter(({ at, text }) => !isOurs(readFileSync(at, 'utf8'), text))
    if (foreign.length > 0 && !force) {
      const names = foreign.map(({ path }) => path).join(', ')
      throw new Refusal(
        `${folder}: ${names} ${foreign.length === 1 ? 'is' : 'are'} not as this command left it. Name another folder, or overwrite with --force.`,
      )
    }
    if (there.length === 0 && existsSync(folder) && readdirSync(folder).length > 0 && !force) {
      throw new Refusal(
        `${folder} holds other files. Name a folder that is new or empty, or write beside them with --force.`,
      )
    }
    for (const { at, text } of targets) {
      mkdirSync(dirname(at), { recursive: true })
      writeFileSync(at, text)
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Error(`${folder} cannot be written: ${(error as NodeJS.ErrnoException).code ?? error}.`, {
      cause: error,
    })
  }
}

class Refusal extends Error {}

/** Whether what is there may go. The manifest's own text may, whoever wrote it. */
function isOurs(there: string, text: string): boolean {
  return isUntouched(there) || unmarked(there) === unmarked(text)
}
