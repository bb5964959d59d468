import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithUs } from './children.ts'
import { rawExchange } from './raw.ts'
import { until } from './until.ts'

/** An nginx that runs. */
export interface Nginx {
  stop(): Promise<void>
}

/** Starts nginx in a folder of its own, in the foreground, with these blocks inside `http`. `ready` is a port it listens on. */
export async function startNginx(blocks: (folder: string) => string, ready: number): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-nginx-'))
  for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi', 'cache']) mkdirSync(join(folder, name))
  const file = join(folder, 'nginx.conf')
  // With the right to change its user nginx would, and then could not write here.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(
    file,
    `${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${blocks(folder)}
}
`,
  )
  const server = spawn('nginx', ['-p', folder, '-c', file, '-e', join(folder, 'error.log')], {
    stdio: 'inherit',
  })
  endWithUs(server)
  const ended = new Promise<void>(resolve => server.once('exit', () => resolve()))
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`nginx ended with ${server.exitCode}.`)
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
