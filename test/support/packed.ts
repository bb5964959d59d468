import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const repository = join(import.meta.dirname, '../..')
const call = promisify(execFile)

/** Packs the packages and installs them into an empty project below `folder`, with others beside them; the project's folder. */
export async function installPacked(folder: string, others: readonly string[] = []): Promise<string> {
  const tarballs = join(folder, 'tarballs')
  mkdirSync(tarballs)
  await call(join(repository, 'node_modules/.bin/tsc'), ['-b'], { cwd: repository })
  for (const name of ['protocol', 'site-agent', 'auth-service']) {
    await call('npx', ['-y', 'pnpm@12', 'pack', '--pack-destination', tarballs], {
      cwd: join(repository, 'packages', name),
    })
  }
  const files = readdirSync(tarballs).map(file => join(tarballs, file))
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
  await call('npm', ['install', '--no-audit', '--no-fund', ...files, ...others], { cwd: project })
  return project
}
