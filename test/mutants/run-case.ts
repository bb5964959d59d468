import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { endWithUs } from '../support/children.ts'

const LONGEST_MS = 120_000

/** What came of the cases of a file. */
export interface Cases {
  /** Their titles, in the order of their ends. */
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  readonly output: string
}

/** Runs the cases of a file whose titles begin with one of these ids, in a tree. */
export async function runCases(root: string, file: string, ids: readonly string[]): Promise<Cases> {
  const matches = ids.flatMap(id => ['--match', `${id} *`])
  const { output } = await spawnIn(join(root, 'test'), [
    join(root, 'test/node_modules/ava/entrypoints/cli.js'),
    join('security', file),
    '--tap',
    ...matches,
  ])
  const titles = (verdict: string) =>
    [...output.matchAll(new RegExp(`^${verdict} \\d+ - (?:.* › )?(.*)$`, 'gm'))]
      .map(([, title = '']) => title)
      .filter(title => ids.some(id => title.startsWith(`${id} `)))
  return { passed: titles('ok'), failed: titles('not ok'), output }
}

/** Whether the demo of a tree walks from sign-in to sign-out; its output where it does not. */
export async function walks(root: string, storeUrl: string | null): Promise<string | null> {
  const port = await fourFreePorts()
  const env = storeUrl === null ? {} : { CARNET_REDIS_URL: storeUrl }
  const { code, output } = await spawnIn(
    root,
    ['deploy/demo/main.ts', '--check', '--port', String(port)],
    env,
  )
  return code === 0 ? null : output
}

async function spawnIn(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  endWithUs(child)
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, output }
}

/** The first of four ports in a row that were free a moment ago. */
async function fourFreePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 30_000)
    const free = await Promise.all([0, 1, 2, 3].map(offset => isFree(first + offset)))
    if (free.every(Boolean)) return first
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
