import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Logger } from 'pino'

const TYPES: Record<string, string> = {
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
}
const LARGEST = 200_000

/** Reads a logo's file into a `data:` URL. Throws an `Error` that says what is wrong. */
export function readLogo(folder: string, file: string): string {
  const type = TYPES[extname(file).toLowerCase()]
  if (type === undefined) throw new Error(`A logo is one of ${Object.keys(TYPES).join(', ')}.`)
  const content = readFileSync(join(folder, file))
  if (content.length > LARGEST) throw new Error(`A logo has ${LARGEST} bytes at most.`)
  return `data:${type};base64,${content.toString('base64')}`
}

/** Reads logos once each; one that cannot be read is told once, and pages go without. */
export function logoReader(folder: string, log: Logger): (file: string) => string | null {
  const read = new Map<string, string | null>()
  return file => {
    const known = read.get(file)
    if (known !== undefined) return known
    let logo: string | null = null
    try {
      logo = readLogo(folder, file)
    } catch (error) {
      log.warn({ file, reason: (error as Error).message }, 'logo_unreadable')
    }
    read.set(file, logo)
    return logo
  }
}
