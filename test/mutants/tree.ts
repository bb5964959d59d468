import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Patch } from './mutants.ts'

/** The repository. */
export const ROOT: string = join(import.meta.dirname, '../..')

// Packages of the workspace find each other by links that lead to where they lie, so theirs are copied as links.
const PARTS = ['packages', 'deploy', 'test']

/** A copy of the repository that can be broken and mended. */
export class Tree {
  readonly root: string = mkdtempSync(join(tmpdir(), 'carnet-mutant-'))

  constructor() {
    for (const part of PARTS) {
      cpSync(join(ROOT, part), join(this.root, part), {
        recursive: true,
        verbatimSymlinks: true,
        filter: path => !['dist', '.cache', 'data', 'shots'].includes(basename(path)),
      })
    }
    for (const name of ['package.json', 'tsconfig.json', 'tsconfig.base.json'])
      if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(this.root, name))
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'))
  }

  /** Breaks the copy; the answer mends it. */
  apply(patches: readonly Patch[]): () => void {
    const before = new Map<string, string>()
    for (const { file, from, to } of patches) {
      const path = join(this.root, file)
      const text = readFileSync(path, 'utf8')
      if (!before.has(path)) before.set(path, text)
      writeFileSync(path, replaceOnce(text, { file, from, to }))
    }
    return () => {
      for (const [path, text] of before) writeFileSync(path, text)
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** The text with the patch in it. Throws where what it replaces does not stand there exactly once. */
export function replaceOnce(text: string, { file, from, to }: Patch): string {
  const [before, after, ...more] = text.split(from)
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} has this ${text.split(from).length - 1} times, not once:\n${from}`)
  }
  return before + to + after
}
