import { type ChildProcess, spawn } from 'node:child_process'
import { endWithUs } from './children.ts'
import { until } from './until.ts'

/** A program that runs beside the tests. */
export interface Program {
  readonly process: ChildProcess
  /** What it has printed so far. */
  output(): string
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>
}

/** Starts a program on this very Node, with no environment but a path, what was compiled before, and what is given. Null leaves its input open. */
export function run(args: readonly string[], env: Record<string, string>, input?: string | null): Program {
  const child = spawn(process.execPath, args, {
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      NODE_NO_WARNINGS: '1',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  endWithUs(child)
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  child.stderr.on('data', chunk => {
    output += chunk
  })
  if (input !== null) child.stdin.end(input)
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  return { process: child, output: () => output, exited }
}

/** Waits until a program has printed something; fails with its output where it ended before. */
export async function printed(program: Program, text: string, withinMs = 20_000): Promise<void> {
  let ended = false
  program.exited.then(() => {
    ended = true
  })
  await until(() => ended || program.output().includes(text), withinMs)
  if (!program.output().includes(text))
    throw new Error(`It ended before it printed "${text}":\n${program.output()}`)
}
