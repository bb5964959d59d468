import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs } from './children.ts'
import { rawExchange } from './raw.ts'
import { until } from './until.ts'

/** A Caddy that runs. */
export interface Caddy {
  stop(): Promise<void>
}

/** Starts Caddy with this Caddyfile, without certificates. `admin` is a port by which it is administered; none where it is left out. */
export async function startCaddy(caddyfile: string, ready: number, admin?: number): Promise<Caddy> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-caddy-'))
  const file = join(folder, 'Caddyfile')
  writeFileSync(
    file,
    `{\n\tadmin ${admin === undefined ? 'off' : `127.0.0.1:${admin}`}\n\tauto_https off\n\tlog {\n\t\toutput discard\n\t}\n}\n${caddyfile}`,
  )
  const server = spawn('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  })
  endWithUs(server)
  let said = ''
  server.stderr.on('data', chunk => {
    said += chunk
  })
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`Caddy ended with ${server.exitCode}: ${said}`)
    return (await rawExchange(ready, ['GET / HTTP/1.0\r\n\r\n'])).status > 0
  })
  return {
    async stop() {
      server.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
