// pnpm drill [--only NAME[,NAME]] [--brief] [--json] [--write]: faults under load, and what of what was acknowledged
// did not hold. --write puts the table into docs/reliability.md; with --only, those rows of it.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres.ts'
import { isGood, type Outcome, runDrill } from './drill.ts'
import { DRILLS } from './drills.ts'
import type { Violation } from './oracle.ts'
import { HEAD, row, table } from './table.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: {
    only: { type: 'string' },
    brief: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const names = values.only?.split(',') ?? DRILLS.map(({ name }) => name)
const chosen = DRILLS.filter(({ name }) => names.includes(name))
if (chosen.length !== names.length) {
  console.error(`There are these drills: ${DRILLS.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}

const postgres = await startPostgres()
const outcomes: Outcome[] = []
for (const drill of chosen) {
  const outcome = await runDrill(drill, {
    databaseUrl: await postgres.create(),
    brief: values.brief,
    ...(values.brief && { least: 20 }),
  })
  outcomes.push(outcome)
  if (values.json) continue
  console.error(`${outcome.name}: ${outcome.unproven ?? outcome.proof}`)
  console.error(`  the slowest answer took ${outcome.slowestMs} ms`)
  for (const what of outcome.unrecovered) console.error(`  did not come back: ${what}`)
  for (const line of told(outcome.violations)) console.error(`  ${line}`)
}
await postgres.stop()

console.log(values.json ? JSON.stringify(outcomes, null, 2) : table(outcomes))
if (values.write) write()
process.exit(outcomes.every(isGood) ? 0 : 1)

/** A line for each thing that is wrong with each subject, with the first time it was seen. */
function told(violations: readonly Violation[]): string[] {
  const groups = Map.groupBy(violations, ({ what, subject }) => `${what}: ${subject}`)
  return [...groups].map(
    ([title, [first, ...more]]) =>
      `${title} ${first?.detail}, ${first?.at} ms after the fault began${more.length > 0 ? `; seen ${more.length + 1} times` : ''}`,
  )
}

/** Puts the rows into the table between its marks, where those of drills that did not run stay. */
function write(): void {
  const file = join(import.meta.dirname, '../../docs/reliability.md')
  const [begin, end] = ['<!-- drill: begin -->', '<!-- drill: end -->']
  const page = readFileSync(file, 'utf8')
  const from = page.indexOf(begin) + begin.length
  const to = page.indexOf(end)
  if (from < begin.length || to < from) throw new Error(`${file} has no marks for the table.`)
  const before = page.slice(from, to).split('\n')
  const rows = DRILLS.flatMap(({ name, failure }) => {
    const outcome = outcomes.find(one => one.name === name)
    if (outcome !== undefined) return row(outcome)
    return before.filter(line => line.startsWith(`| ${failure} |`))
  })
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`
  const day = new Date().toISOString().slice(0, 10)
  const text = [HEAD, ...rows].join('\n')
  writeFileSync(file, `${page.slice(0, from)}\n${text}\n\n${day}, ${machine}.\n${page.slice(to)}`)
}
