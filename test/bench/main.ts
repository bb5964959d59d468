// pnpm bench [--json] [--rounds N]: requests per second, as ratios to bare Koa in the same run. The server under load
// has one core, the load and Redis have another; the rows take turns, so that a slow minute is slow for all.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Program, printed } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

const SECONDS = 3
const SERVER_CORE = '0'
const LOAD_CORE = '1'

const { values } = parseArgs({
  args: process.argv.slice(2).filter(argument => argument !== '--'),
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
})
for (const program of ['wrk', 'taskset', 'redis-server']) {
  if (spawnSync('which', [program], { stdio: 'ignore' }).status === 0) continue
  console.error(`The bench needs ${program}. Install it first: apt-get install wrk util-linux redis-server`)
  process.exit(1)
}

interface Row {
  readonly name: string
  readonly kind: 'bare' | 'session' | 'redeem'
  readonly redis: boolean
}

const ROWS: readonly Row[] = [
  { name: 'bare Koa', kind: 'bare', redis: false },
  { name: 'Koa + agent, signed in, embedded store', kind: 'session', redis: false },
  { name: 'Koa + agent, signed in, Redis', kind: 'session', redis: true },
  { name: 'redeem at the pixel, embedded store', kind: 'redeem', redis: false },
  { name: 'redeem at the pixel, Redis', kind: 'redeem', redis: true },
]

const folder = mkdtempSync(join(tmpdir(), 'carnet-bench-'))
const redis = await startRedis()
pin(redis.pid)

const rounds = Number(values.rounds)
const perSecond = new Map<Row, number[]>(ROWS.map(row => [row, []]))
for (let round = 0; round < rounds; round++) {
  for (const row of ROWS) perSecond.get(row)?.push(await measure(row))
}
await redis.stop()
rmSync(folder, { recursive: true })

const bare = perSecond.get(ROWS[0] as Row) ?? []
const table = ROWS.map(row => {
  const each = perSecond.get(row) ?? []
  const ratios = each.map((value, round) => value / (bare[round] ?? Number.NaN))
  return { name: row.name, perSecond: Math.round(median(each)), ratio: Number(median(ratios).toFixed(3)) }
})
if (values.json) console.log(JSON.stringify(table, null, 2))
else {
  console.log('\n| what | requests/s | of bare Koa |\n| --- | ---: | ---: |')
  for (const { name, perSecond, ratio } of table)
    console.log(`| ${name} | ${perSecond.toLocaleString('en')} | ${ratio.toFixed(2)} |`)
}

async function measure(row: Row): Promise<number> {
  const file = join(folder, 'requests')
  const args = ['-c', SERVER_CORE, process.execPath, join(import.meta.dirname, 'server.ts'), row.kind, file]
  const server = start('taskset', row.redis ? [...args, redis.url] : args)
  try {
    await printed(server, 'port ')
    const port = /port (\d+)/.exec(server.output())?.[1]
    const load = (seconds: number) =>
      execFileSync(
        'taskset',
        [
          '-c',
          LOAD_CORE,
          'wrk',
          '-t1',
          '-c64',
          `-d${seconds}s`,
          '-s',
          join(import.meta.dirname, 'load.lua'),
          `http://127.0.0.1:${port}`,
          '--',
          file,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
      )
    // A ticket is good once, so its row warms up within the measured time, and looks the worse for it.
    if (row.kind !== 'redeem') load(1)
    const result = JSON.parse(/\{"requests".*\}/.exec(load(SECONDS))?.[0] ?? '') as {
      requests: number
      seconds: number
      failed: number
    }
    if (result.failed > 0)
      throw new Error(`${row.name}: ${result.failed} of ${result.requests} requests failed.`)
    const value = result.requests / result.seconds
    if (!values.json) console.error(`${row.name}: ${Math.round(value)}/s`)
    return value
  } finally {
    server.process.kill('SIGKILL')
    await server.exited
  }
}

function start(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'test' },
  })
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  return {
    process: child,
    output: () => output,
    exited: new Promise(resolve => child.once('close', resolve)),
  }
}

function pin(pid: number): void {
  execFileSync('taskset', ['-acp', LOAD_CORE, String(pid)], { stdio: 'ignore' })
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
