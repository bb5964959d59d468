// Breaks the code in one way after another, and looks whether a named case of test/security turns red each time.
//   pnpm mutants [--write] [--only NAME]…
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis } from '../support/redis.ts'
import { MUTANTS, type Mutant } from './mutants.ts'
import { type Cases, runCases, walks } from './run-case.ts'
import { ROOT, Tree } from './tree.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: { write: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
})
const chosen = MUTANTS.filter(({ name }) => values.only?.includes(name) ?? true)
if (chosen.length === 0) throw new Error(`There are: ${MUTANTS.map(({ name }) => name).join(', ')}`)

/** What became of a mutant. */
interface Outcome {
  readonly mutant: Mutant
  /** The titles of the cases that turned red. */
  readonly red: readonly string[]
  /** What the demo printed where it did not walk to the end; null where it did. */
  readonly stumble: string | null
  /** What the cases printed. */
  readonly output: string
}

const redis = await startRedis()
const tree = new Tree()
process.once('exit', () => tree.remove())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  const faults: string[] = []
  const byFile = Map.groupBy(chosen, ({ file }) => file)
  for (const [file, mutants] of byFile) {
    const ids = [...new Set(mutants.flatMap(({ cases }) => cases))]
    const { failed, passed, output } = await runCases(tree.root, file, ids)
    if (passed.length === 0) faults.push(`${file} has none of ${ids}.\n${output}`)
    console.log(`as it is     ${file}: ${passed.length} passed, ${failed.length} failed`)
    if (failed.length > 0) faults.push(`As it is, ${failed.join(', ')} is red.\n${output}`)
  }
  const outcomes: Outcome[] = []
  for (const mutant of chosen) {
    const outcome = await tryOut(mutant)
    outcomes.push(outcome)
    const { red, stumble } = outcome
    console.log(`${red.length > 0 ? 'caught' : 'MISSED'}       ${mutant.name}: ${red.join(', ')}`)
    if (red.length === 0) faults.push(`${mutant.name} turned nothing red:\n${outcome.output}`)
    if (stumble !== null) faults.push(`The demo did not walk with ${mutant.name}:\n${stumble}`)
  }
  for (const fault of faults) console.error(`\n${fault}`)
  if (faults.length === 0 && values.write) writeTable(outcomes)
  console.log(`\n${outcomes.filter(({ red }) => red.length > 0).length} of ${chosen.length} caught`)
  process.exitCode = faults.length === 0 ? 0 : 1
} finally {
  await redis.stop()
}

async function tryOut(mutant: Mutant): Promise<Outcome> {
  const mend = tree.apply(mutant.patches)
  try {
    await redis.ask('FLUSHALL')
    const stumble = await walks(tree.root, mutant.store === 'redis' ? redis.url : null)
    const ran: Cases = await runCases(tree.root, mutant.file, mutant.cases)
    return { mutant, red: ran.failed, stumble, output: ran.output }
  } finally {
    mend()
  }
}

/** What a title begins with, and the store: `T1 replay (redis)`. */
function shorten(title: string): string {
  return title.replace(/:.*?(?= \(\w+\)$|$)/, '')
}

/** Writes who caught what into the document's table, between its marks; the rows of those that did not run stay. */
function writeTable(outcomes: readonly Outcome[]): void {
  const path = join(ROOT, 'docs/security.md')
  const document = readFileSync(path, 'utf8')
  const [before, table, after] = document.split(/(?<=<!-- mutants -->\n)|(?=<!-- \/mutants -->)/)
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error('docs/security.md has no marks for the table.')
  }
  const rows = new Map([...table.matchAll(/^\| `([\w-]+)` .*$/gm)].map(([row, name = '']) => [name, row]))
  for (const { mutant, red } of outcomes) {
    rows.set(mutant.name, `| \`${mutant.name}\` | ${mutant.what} | ${red.map(shorten).join('<br>')} |`)
  }
  const lines = MUTANTS.map(({ name }) => rows.get(name)).filter(row => row !== undefined)
  const head = ['| mutant | what is broken | red |', '| --- | --- | --- |']
  writeFileSync(path, `${before}\n${[...head, ...lines].join('\n')}\n\n${after}`)
}
