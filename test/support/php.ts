import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs } from './children.ts'
import { until } from './until.ts'

/** A PHP that runs. */
export interface Php {
  /** Where it takes FastCGI: a path. */
  readonly socket: string
  stop(): Promise<void>
}

/** Starts PHP for FastCGI, with as little as it needs. */
export async function startPhp(): Promise<Php> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-php-'))
  const [file, socket] = [join(folder, 'fpm.conf'), join(folder, 'fpm.sock')]
  writeFileSync(
    file,
    `[global]
error_log = ${folder}/error.log
[www]
listen = ${socket}
listen.mode = 0666
pm = static
pm.max_children = 1
${process.getuid?.() === 0 ? 'user = root\n' : ''}`,
  )
  const args = ['--nodaemonize', '--no-php-ini', '--fpm-config', file]
  // Debian names it by its version.
  const program = readdirSync('/usr/sbin').find(name => name.startsWith('php-fpm')) ?? 'php-fpm'
  const server = spawn(program, process.getuid?.() === 0 ? [...args, '--allow-to-run-as-root'] : args, {
    stdio: 'ignore',
  })
  endWithUs(server)
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
  await until(() => {
    if (server.exitCode !== null) throw new Error(`PHP ended with ${server.exitCode}.`)
    return existsSync(socket)
  })
  return {
    socket,
    async stop() {
      server.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
