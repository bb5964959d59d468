import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { type Program, printed, run } from './processes.ts'

const repository = join(import.meta.dirname, '../..')

/** The `carnet` command, and the server of a site. */
export const COMMAND: string = join(repository, 'packages/auth-service/src/cli/main.ts')
const SITE_SERVER = join(repository, 'deploy/demo/site-server.ts')

/** Processes of their own, started with an environment each, as an operator does it. */
export interface Installation {
  readonly folder: string
  /** The first process of the auth service, and of each site: `http://<part>.localhost:<port>`. */
  readonly auth: string
  readonly origins: Readonly<Record<string, string>>
  /** All processes of a part, as origins of one host. */
  processes(part: string): readonly string[]
  /** Starts or restarts a process of a part: `auth`, or a site. */
  start(part: string, env: Record<string, string>, nth?: number): Promise<Program>
  /** A command of the operator's. */
  command(
    args: readonly string[],
    env: Record<string, string>,
    input?: string,
  ): Promise<{ code: number | null; output: string }>
  /** All programs that ran, those that have ended too. */
  readonly programs: readonly Program[]
  stop(): Promise<void>
}

/** Prepares an installation; nothing runs yet. `sites` is YAML after `id` and `origin`, for each site; `common` is every process's environment. */
export async function prepareInstallation({
  sites,
  manifest = '',
  each = 1,
  common = {},
}: {
  sites: Readonly<Record<string, string>>
  /** Further YAML of the manifest. */
  manifest?: string
  /** Processes of each part. */
  each?: number
  common?: Record<string, string>
}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-installation-'))
  const ports = new Map<string, number[]>()
  for (const part of ['auth', ...Object.keys(sites)]) {
    const own: number[] = []
    for (let nth = 0; nth < each; nth++) own.push(await freePort())
    ports.set(part, own)
  }
  const processes = (part: string) => (ports.get(part) ?? []).map(port => `http://${part}.localhost:${port}`)
  const origins = Object.fromEntries(Object.keys(sites).map(id => [id, processes(id)[0] ?? '']))
  const file = join(folder, 'sites.yaml')
  const entries = Object.entries(sites).map(
    ([id, more]) => `  - { id: ${id}, origin: "${origins[id]}"${more} }`,
  )
  writeFileSync(file, `auth: ${processes('auth')[0]}\n${manifest}\nsites:\n${entries.join('\n')}\n`)
  const shared = { CARNET_MANIFEST: file, CARNET_DATA_DIR: join(folder, 'data'), ...common }

  const running = new Map<string, Program>()
  const programs: Program[] = []
  async function end(name: string): Promise<void> {
    const program = running.get(name)
    running.delete(name)
    program?.process.kill('SIGTERM')
    await program?.exited
  }
  return {
    folder,
    auth: processes('auth')[0] ?? '',
    origins,
    processes,
    programs,
    async start(part, env, nth = 0) {
      const name = `${part}${nth}`
      await end(name)
      const CARNET_PORT = String(ports.get(part)?.[nth])
      const args = part === 'auth' ? [COMMAND, 'serve'] : [SITE_SERVER]
      const own = part === 'auth' ? {} : { CARNET_SITE: part }
      const program = run(args, { ...shared, ...own, CARNET_PORT, ...env })
      running.set(name, program)
      programs.push(program)
      await printed(program, 'listening', 60_000)
      return program
    },
    async command(args, env, input) {
      const program = run([COMMAND, ...args], { ...shared, ...env }, input)
      programs.push(program)
      return { code: await program.exited, output: program.output() }
    },
    async stop() {
      await Promise.all([...running.keys()].map(end))
    },
  }
}
