import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { endWithUs } from './children.ts'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

/** A PostgreSQL server of a test's own. */
export interface TestPostgres {
  /** The URL of a new, empty database. */
  create(): Promise<string>
  stop(): Promise<void>
}

/** Starts a PostgreSQL server on a free port, as another user where we are root, which it refuses to be. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-postgres-'))
  const user = process.getuid?.() === 0 ? unprivileged() : null
  if (user !== null) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const port = await freePort()
  const options = { stdio: 'ignore', cwd: folder, ...user } as const
  execFileSync(
    program('initdb'),
    ['-D', data, '-U', 'carnet', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    options,
  )
  const server = spawn(
    program('postgres'),
    [
      '-D',
      data,
      '-p',
      `${port}`,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=${folder}`,
      '-c',
      'fsync=off',
    ],
    options,
  )
  endWithUs(server)
  const admin = `postgres://carnet@127.0.0.1:${port}/postgres`
  await until(() => query(admin, 'select 1'), 30_000)
  let count = 0
  return {
    async create() {
      const name = `test${count++}`
      await query(admin, `create database ${name}`)
      return `postgres://carnet@127.0.0.1:${port}/${name}`
    },
    async stop() {
      // An immediate shutdown: nothing here has to outlive the test.
      server.kill('SIGQUIT')
      await new Promise(resolve => server.once('exit', resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function query(url: string, text: string): Promise<boolean> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
  return true
}

function program(name: string): string {
  const debian = '/usr/lib/postgresql'
  const version = existsSync(debian) ? readdirSync(debian).sort().at(-1) : undefined
  return version === undefined ? name : join(debian, version, 'bin', name)
}

function unprivileged(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
