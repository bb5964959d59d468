// pnpm bench [--json] [--rounds N] [--only requests|sign-ins]: how often a second things are done, as ratios within the
// same run. The rows take turns, so that a slow minute is slow for all.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { requestRows } from './requests.ts'
import { measureInTurns, rounded } from './row.ts'
import { signInRows } from './sign-ins.ts'

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
})
for (const program of ['wrk', 'taskset', 'redis-server']) {
  if (spawnSync('which', [program], { stdio: 'ignore' }).status === 0) continue
  console.error(`The bench needs ${program}. Install it first: apt-get install wrk util-linux redis-server`)
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'carnet-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true }))
const groups = [
  ...(values.only === 'sign-ins' ? [] : [await requestRows(folder)]),
  ...(values.only === 'requests' ? [] : [await signInRows(folder)]),
]
const rows = groups.flatMap(group => group.rows)
const results = await measureInTurns(rows, {
  rounds: Number(values.rounds),
  told({ name }, { perSecond, delayMs }) {
    if (values.json) return
    const delay = delayMs === undefined ? '' : `, the event loop's delay at p99 ${rounded(delayMs)} ms`
    console.error(`${name}: ${rounded(perSecond)}/s${delay}`)
  },
})
for (const group of groups) await group.stop()

if (values.json) console.log(JSON.stringify(results, null, 2))
else {
  console.log('\n| what | per second | ratio | to | event loop, p99 |\n| --- | ---: | ---: | --- | ---: |')
  for (const { name, of, perSecond, ratio, delayMs } of results) {
    const delay = delayMs === undefined ? '' : `${delayMs} ms`
    console.log(`| ${name} | ${perSecond.toLocaleString('en')} | ${ratio.toFixed(2)} | ${of} | ${delay} |`)
  }
}
