import { readFileSync } from 'node:fs'
import leven from 'leven'
import { isMap, isNode, isScalar, LineCounter, type ParsedNode, parseDocument } from 'yaml'
import { checkManifest, type Manifest, type Site } from './schema.ts'
import type { ContentFault } from './taken-twice.ts'

/** A fault and its place; line and column count from 1. */
export interface ManifestFault {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** All faults of a manifest at once. `message` has a line each: `file:line:column message`. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
  readonly faults: readonly ManifestFault[]

  constructor(faults: readonly ManifestFault[]) {
    super(faults.map(fault => `${fault.file}:${fault.line}:${fault.column} ${fault.message}`).join('\n'))
    this.faults = faults
  }
}

/** Parses and checks a manifest's YAML. `file` names it in faults. Throws `ManifestError`. */
export function parseManifest(text: string, file: string): Manifest {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error' })
  const at = (offset: number, message: string): ManifestFault => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col, message }
  }
  if (document.errors.length > 0) {
    throw new ManifestError(
      document.errors.map(error => at(error.pos[0], error.message.split(' at line')[0] ?? error.message)),
    )
  }
  let content: unknown
  try {
    content = document.toJS()
  } catch (error) {
    // An alias without its anchor, or more aliases than any manifest needs.
    throw new ManifestError([at(0, (error as Error).message)])
  }
  const checked = checkManifest(content ?? {})
  if (!Array.isArray(checked)) return checked as Manifest
  const faults = checked.map(fault => ({ fault, offset: offsetOf(document.contents, fault) }))
  faults.sort((a, b) => a.offset - b.offset)
  throw new ManifestError(faults.map(({ fault, offset }) => at(offset, describe(fault))))
}

/** Reads, parses and checks a manifest file. Throws `ManifestError`, also where the file cannot be read. */
export function loadManifest(file: string): Manifest {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason =
      code === 'ENOENT' ? 'there is no such file; name one, or set CARNET_MANIFEST' : String(code)
    throw new ManifestError([{ file, line: 1, column: 1, message: `cannot be read: ${reason}` }])
  }
  return parseManifest(text, file)
}

/** The site of that id, or null. */
export function findSite(manifest: Manifest, id: string): Site | null {
  return manifest.sites.find(site => site.id === id) ?? null
}

/** The origin of the auth service. */
export function authOrigin(manifest: Manifest): string {
  return new URL(manifest.auth).origin
}

/** All origins at which a site answers, its own first. */
export function originsOf(site: Site): [string, ...string[]] {
  return [site.origin, ...site.aliases]
}

function describe(fault: ContentFault): string {
  if (fault.unknownKey === null) return `${fault.path.join('.') || 'the manifest'}: ${fault.message}`
  const wrong = fault.unknownKey
  const near = fault.knownKeys
    .map(key => ({ key, distance: leven(key.toLowerCase(), wrong.toLowerCase()) }))
    .filter(({ distance }) => distance <= 3)
    .sort((a, b) => a.distance - b.distance)[0]
  return near === undefined
    ? `${fault.message} (known here: ${fault.knownKeys.join(', ')})`
    : `${fault.message}; did you mean "${near.key}"?`
}

/** Where a fault stands: the value, or the key that is unknown; for what is missing, the nearest thing around it. */
function offsetOf(root: ParsedNode | null, fault: ContentFault): number {
  let node: unknown = root
  for (const part of fault.path) {
    const next = isNode(node) && 'get' in node ? (node.get(part, true) as unknown) : undefined
    if (!isNode(next)) break
    node = next
  }
  if (fault.unknownKey !== null && isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === fault.unknownKey)
    if (pair !== undefined && isNode(pair.key)) node = pair.key
  }
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}
