// pnpm bench [--only GROUP] [--rounds N] [--json] [--write]: how often a second things are done, as ratios within the
// same run, and what they take. The rows of a group take turns, so that a slow minute is slow for all. --write puts the
// tables and the chart into docs/.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chart } from './chart.ts'
import { writeBlock, writeChart } from './document.ts'
import { type Reading, readGauge } from './gauge.ts'
import type { Group } from './group.ts'
import { issue } from './issue.ts'
import { machine } from './machine.ts'
import { memory } from './memory.ts'
import { requests } from './requests.ts'
import { revocation } from './revocation.ts'
import { measureInTurns, type Result, rounded } from './row.ts'
import { signIns } from './sign-ins.ts'
import { start } from './start.ts'
import { readingsTable, rowsTable } from './table.ts'

const GROUPS: Readonly<Record<string, (folder: string) => Promise<Group>>> = {
  requests,
  'sign-ins': signIns,
  revocation,
  issue,
  memory,
  start,
}

const args = process.argv.slice(2).filter(argument => argument !== '--')
const { values } = parseArgs({
  args,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const names = Object.keys(GROUPS)
if (values.only !== undefined && !names.includes(values.only)) {
  fail(`There is no group "${values.only}". There are: ${names.join(', ')}.`)
}
for (const program of ['wrk', 'taskset', 'redis-server']) {
  if (spawnSync('which', [program], { stdio: 'ignore' }).status === 0) continue
  fail(`The bench needs ${program}. Install it first: apt-get install wrk util-linux redis-server`)
}

const folder = mkdtempSync(join(tmpdir(), 'carnet-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const all: (Result | Reading)[] = []
for (const [name, open] of Object.entries(GROUPS)) {
  if (values.only !== undefined && values.only !== name) continue
  const group = await open(folder)
  const { results, readings } = await measure(group)
  await group.stop?.()
  all.push(...results, ...readings)
  const tables = [
    ...(results.length > 0 ? [rowsTable(results)] : []),
    ...(readings.length > 0 ? [readingsTable(readings)] : []),
  ].join('\n\n')
  if (!values.json) console.log(`\n${tables}`)
  if (values.write) write(name, group, results, tables)
}
if (values.json) console.log(JSON.stringify(all, null, 2))

async function measure({ rows = [], gauges = [] }: Group) {
  const say = (line: string) => {
    if (!values.json) console.error(line)
  }
  const results = await measureInTurns(rows, {
    rounds,
    told({ name }, { perSecond, delayMs }) {
      const delay = delayMs === undefined ? '' : `, the event loop's delay at p99 ${rounded(delayMs)} ms`
      say(`${name}: ${rounded(perSecond)}/s${delay}`)
    },
  })
  const readings: Reading[] = []
  for (const gauge of gauges) {
    const told = ({ name, unit }: { name: string; unit: string }, value: number) =>
      say(`${name}: ${value} ${unit}`)
    readings.push(...(await readGauge(gauge, { rounds, told })))
  }
  return { results, readings }
}

function write(
  name: string,
  { packages = [], bars }: Group,
  results: readonly Result[],
  tables: string,
): void {
  const date = new Date().toISOString().slice(0, 10)
  const command = ['npx -y pnpm@12 bench', ...args].join(' ')
  writeBlock(name, `${tables}\n\n${date}, \`${command}\`: ${machine(packages)}.`)
  if (bars !== undefined) writeChart(chart(results, bars, [`${date}: ${command}`, machine([])]))
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
