import { randomBytes } from 'node:crypto'
import { chmodSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'

/** Puts another text into a file, with the mode that it has: readers see all of the old one or all of the new one. */
export function replaceFile(file: string, text: string): void {
  // Where the name is a link, what it leads to is replaced.
  let own: string | null = null
  try {
    const target = realpathSync(file)
    own = `${target}.${randomBytes(6).toString('hex')}`
    writeFileSync(own, text, { flag: 'wx', mode: 0o600, flush: true })
    chmodSync(own, statSync(target).mode & 0o7777)
    renameSync(own, target)
  } catch (error) {
    if (own !== null) rmSync(own, { force: true })
    const reason = (error as NodeJS.ErrnoException).code
    throw new Error(`${file} cannot be written: ${reason}. It is as it was.`, { cause: error })
  }
}
