import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'

/** What the numbers were measured on and with: the cores, the system, and the versions of these packages. */
export function machine(packages: readonly string[]): string {
  const [core] = cpus()
  const cores = `${cpus().length} cores (${core?.model.replace(/\(R\)|\(TM\)/g, '') ?? 'unknown'})`
  const redis = /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1]
  const versions = packages.map(name => `${name} ${versionOf(name)}`)
  return [cores, systemName(), `Node ${process.versions.node}`, `Redis ${redis}`, ...versions].join(', ')
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, '../node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function systemName(): string {
  const release = readFileSync('/etc/os-release', 'utf8')
  return /^PRETTY_NAME="?([^"\n]+)/m.exec(release)?.[1] ?? process.platform
}
