import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { LOAD_CORE } from './loaded-server.ts'

/** Some requests under load were not answered, or refused. */
export class LoadFault extends Error {
  override readonly name = 'LoadFault'
}

/** Requests per second that a server answers, from wrk with 64 connections. Throws `LoadFault`. */
export function load(port: number, file: string, seconds: number): number {
  const script = join(import.meta.dirname, 'load.lua')
  const wrk = ['wrk', '-t1', '-c64', `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`, '--', file]
  const output = execFileSync('taskset', ['-c', LOAD_CORE, ...wrk], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const summary = JSON.parse(/\{"requests".*\}/.exec(output)?.[0] ?? '') as Summary
  const { requests, failed } = summary
  if (failed > 0) throw new LoadFault(`${failed} of ${requests} requests failed.`)
  return requests / summary.seconds
}

interface Summary {
  readonly requests: number
  readonly seconds: number
  readonly failed: number
}
