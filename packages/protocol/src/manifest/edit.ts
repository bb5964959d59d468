import { isMap, isScalar, isSeq, parseDocument, stringify, type YAMLMap, type YAMLSeq } from 'yaml'
import { parseManifest } from './manifest.ts'
import type { Manifest } from './schema.ts'

/** What a new site is entered with; what is left out has its default. */
export interface NewSite {
  readonly id: string
  readonly origin: string
  readonly name?: string | undefined
  readonly aliases?: readonly string[] | undefined
  readonly fanOut?: string | undefined
}

// The text is cut and joined at places that the parser names, and never written anew from what was parsed: that would
// lay out lines anew which nobody asked to change.

/** The manifest's text with one more site at the end. `file` names it in faults. Throws `ManifestError`. */
export function addSite(text: string, file: string, site: NewSite): string {
  const before = parseManifest(text, file)
  const sites = sitesIn(text, file)
  const last = itemAt(sites, sites.items.length - 1, file)
  const added = sites.flow === true ? insertInFlow(text, last, site) : insertBelow(text, sites, last, site)
  return proven(added, file, [...idsOf(before), site.id])
}

/** The text without a site: its lines go, with the comments in them and right above. Throws `ManifestError`. */
export function removeSite(text: string, file: string, id: string): string {
  const ids = idsOf(parseManifest(text, file))
  const index = indexOf(ids, id)
  if (ids.length === 1) throw new Error(`"${id}" is the only site, and a manifest needs at least one.`)
  const sites = sitesIn(text, file)
  const { start, end } =
    sites.flow === true ? spanInFlow(sites, index, file) : spanOf(text, sites, index, file)
  return proven(text.slice(0, start) + text.slice(end), file, ids.toSpliced(index, 1))
}

/** The text with another id in the place of a site's. Throws `ManifestError`. */
export function renameSite(text: string, file: string, id: string, to: string): string {
  const ids = idsOf(parseManifest(text, file))
  const index = indexOf(ids, id)
  const node = itemAt(sitesIn(text, file), index, file).get('id', true)
  if (!isScalar(node) || !node.range) throw unusual(file)
  const [start, end] = node.range
  return proven(text.slice(0, start) + written(to, true) + text.slice(end), file, ids.with(index, to))
}

function idsOf({ sites }: Manifest): string[] {
  return sites.map(({ id }) => id)
}

function indexOf(ids: readonly string[], id: string): number {
  const index = ids.indexOf(id)
  if (index < 0) throw new Error(`There is no site "${id}". There are: ${ids.join(', ')}.`)
  return index
}

function sitesIn(text: string, file: string): YAMLSeq {
  const sites: unknown = parseDocument(text).get('sites', true)
  if (!isSeq(sites) || !sites.range) throw unusual(file)
  return sites
}

function itemAt(sites: YAMLSeq, index: number, file: string): YAMLMap & { range: [number, number, number] } {
  const item = sites.items[index]
  if (!isMap(item) || !item.range) throw unusual(file)
  return item as YAMLMap & { range: [number, number, number] }
}

/** The text, once it is known to be a manifest with just these sites. */
function proven(text: string, file: string, ids: readonly string[]): string {
  if (idsOf(parseManifest(text, file)).join() !== ids.join()) throw unusual(file)
  return text
}

function unusual(file: string): Error {
  return new Error(`${file} is written in a way that this command does not change. Change it by hand.`)
}

function insertInFlow(text: string, last: { range: [number, number, number] }, site: NewSite): string {
  return `${text.slice(0, last.range[1])}, ${inFlow(site)}${text.slice(last.range[1])}`
}

function insertBelow(
  text: string,
  sites: YAMLSeq,
  last: YAMLMap & { range: [number, number, number] },
  site: NewSite,
): string {
  const column = dashColumn(text, sites)
  const at = endOfEntry(text, last.range, column)
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const lead = at > 0 && text[at - 1] !== '\n' ? eol : ''
  const gap = sites.items.length > 1 && followsBlank(text, last.range[0]) ? eol : ''
  const lines = last.flow === true ? [inFlow(site)] : pairsOf(site).map(([key, value]) => `${key}: ${value}`)
  const entry = lines.map((line, nth) => `${' '.repeat(column)}${nth === 0 ? '- ' : '  '}${line}${eol}`)
  return text.slice(0, at) + lead + gap + entry.join('') + text.slice(at)
}

function inFlow(site: NewSite): string {
  return `{ ${pairsOf(site, true)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')} }`
}

function pairsOf({ id, origin, name, aliases = [], fanOut }: NewSite, flow = false): [string, string][] {
  const pairs: [string, string][] = [['id', written(id, flow)]]
  if (name !== undefined) pairs.push(['name', written(name, flow)])
  pairs.push(['origin', written(origin, flow)])
  if (aliases.length > 0) pairs.push(['aliases', `[${aliases.map(each => written(each, true)).join(', ')}]`])
  if (fanOut !== undefined) pairs.push(['fanOut', written(fanOut, flow)])
  return pairs
}

/** A string as YAML writes it on one line. */
function written(value: string, flow: boolean): string {
  const plain = stringify(value, { lineWidth: 0 }).trimEnd()
  const fits = !plain.includes('\n') && (!flow || /^[a-z0-9-]+$/.test(plain))
  return fits ? plain : JSON.stringify(value)
}

function dashColumn(text: string, sites: YAMLSeq): number {
  const start = sites.range?.[0] ?? 0
  return start - lineStart(text, start)
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

/** Where the lines of an entry end, with the comments that are indented below it. */
function endOfEntry(text: string, range: [number, number, number], column: number): number {
  const [start, valueEnd] = range
  const last = start + text.slice(start, valueEnd).trimEnd().length
  let end = nextLine(text, last)
  for (let at = end; at < text.length; at = nextLine(text, at)) {
    const line = text.slice(at, nextLine(text, at))
    if (line.trim() === '') continue
    if (!isComment(line) || line.search(/\S/) <= column) break
    end = nextLine(text, at)
  }
  return end
}

/** Whether the entry whose content begins here stands apart from the one above. */
function followsBlank(text: string, offset: number): boolean {
  const start = lineStart(text, offset)
  return text.slice(lineStart(text, start - 1), start).trim() === ''
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#')
}

function nextLine(text: string, offset: number): number {
  const at = text.indexOf('\n', offset)
  return at < 0 ? text.length : at + 1
}

function spanOf(text: string, sites: YAMLSeq, index: number, file: string): { start: number; end: number } {
  const { range } = itemAt(sites, index, file)
  const column = dashColumn(text, sites)
  let start = lineStart(text, text.lastIndexOf('-', range[0] - 1))
  let end = endOfEntry(text, range, column)
  const above = () => text.slice(lineStart(text, start - 1), start)
  // What stands above the first entry may be about all of them.
  while (index > 0 && isComment(above()) && above().search(/\S/) <= column) start = lineStart(text, start - 1)
  // Of the blank lines around it those of one side stay.
  if (index === sites.items.length - 1) while (above().trim() === '') start = lineStart(text, start - 1)
  else while (text.slice(end, nextLine(text, end)).trim() === '') end = nextLine(text, end)
  return { start, end }
}

function spanInFlow(sites: YAMLSeq, index: number, file: string): { start: number; end: number } {
  const { range } = itemAt(sites, index, file)
  if (index < sites.items.length - 1) {
    return { start: range[0], end: itemAt(sites, index + 1, file).range[0] }
  }
  return { start: itemAt(sites, index - 1, file).range[1], end: range[1] }
}
