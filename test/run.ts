// The test command: sees to the servers and browsers that the tests drive, then runs them.
//   pnpm test                  everything
//   pnpm test 'protocol/*'    what ava takes as arguments
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NEEDED = [
  { program: 'redis-server', package: 'redis-server' },
  { program: 'postgres', package: 'postgresql' },
  { program: 'openssl', package: 'openssl' },
  { program: 'sqlite3', package: 'sqlite3' },
  { program: 'nginx', package: 'nginx' },
  { program: 'caddy', package: 'caddy' },
  { program: 'php-fpm', package: 'php-fpm' },
  { program: 'chromium', package: 'chromium' },
  { program: 'firefox-esr', package: 'firefox-esr' },
]

const missing = NEEDED.filter(({ program }) => !onPath(program))
if (missing.length > 0 && !install(missing.map(entry => entry.package))) {
  const names = missing.map(entry => entry.package).join(' ')
  console.error(`The tests drive real servers and browsers. Install them first: apt-get install ${names}`)
  process.exit(1)
}

// Should a worker not end, this does.
const LONGEST_MS = 20 * 60_000

const { status } = spawnSync('ava', process.argv.slice(2), {
  timeout: LONGEST_MS,
  killSignal: 'SIGKILL',
  cwd: import.meta.dirname,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: join(import.meta.dirname, 'node_modules/.bin') + delimiter + process.env['PATH'],
    // Many tests start programs of ours: each source is stripped of its types and compiled once.
    NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile'),
  },
})
process.exit(status ?? 1)

function onPath(program: string): boolean {
  // Debian keeps the servers of PostgreSQL off the path, a folder a version.
  if (program === 'postgres' && existsSync('/usr/lib/postgresql')) return true
  // It names PHP by its version.
  if (program === 'php-fpm') return readdirSync('/usr/sbin').some(file => file.startsWith('php-fpm'))
  return (process.env['PATH'] ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))
}

function install(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return false
  console.log(`Installing ${packages.join(', ')} …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0
  return apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', ...packages)
}
