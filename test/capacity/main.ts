// pnpm capacity [--json] [--write]: measures what each step costs, and works out what that comes to for a million
// sessions, a hundred million and a billion. --write puts the tables into docs/capacity.md.
import { parseArgs } from 'node:util'
import { writeBlock } from '../bench/document.ts'
import { machine } from '../bench/machine.ts'
import { SAFE, USUAL } from './load.ts'
import { measure } from './measure.ts'
import { assumptionsTable, limitsTable, loadsTable, spreadTable, stormTable } from './outcome-tables.ts'
import { simulate } from './simulation.ts'
import { memoryTable, requestsTable, seenTable, timesTable, verbsTable } from './tables.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: { json: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})

const measured = await measure(what => console.error(`measuring: ${what}`))
const { constants } = measured
const date = new Date().toISOString().slice(0, 10)
const where = `${date}, \`npx -y pnpm@12 capacity\`: ${machine(['ioredis', 'pg', 'bcryptjs'])}.`
const blocks = {
  measured:
    [verbsTable, memoryTable, requestsTable, timesTable].map(table => table(measured)).join('\n\n') +
    `\n\n${where}`,
  seen: seenTable(measured),
  assumptions: assumptionsTable(),
  loads: loadsTable(constants),
  spread: spreadTable(constants),
  storm: stormTable(constants),
  limits: limitsTable(constants),
}
if (values.json) {
  const outcomes = [1e6, 1e8, 1e9].map(sessions => ({
    sessions,
    ...simulate({ ...USUAL, sessions }, SAFE, constants),
  }))
  console.log(JSON.stringify({ ...measured, outcomes }, null, 2))
}
for (const [name, content] of Object.entries(blocks)) {
  if (!values.json) console.log(`\n${content}`)
  if (values.write) writeBlock(name, content, { page: 'capacity.md', kind: 'capacity' })
}
process.exit(0)
