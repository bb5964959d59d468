import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const repository = join(import.meta.dirname, '../..')
const kept = join(import.meta.dirname, '../node_modules/.cache/packed')
const call = promisify(execFile)

/** The packages as tarballs, in a folder; packed anew only where something of them has changed. */
export async function packPackages(): Promise<string> {
  mkdirSync(kept, { recursive: true })
  const folder = join(kept, stateOf())
  if (existsSync(folder)) return folder
  const fresh = mkdtempSync(`${folder}-`)
  await call(join(repository, 'node_modules/.bin/tsc'), ['-b'], { cwd: repository })
  for (const name of ['protocol', 'site-agent', 'auth-service']) {
    await call('npx', ['-y', 'pnpm@12', 'pack', '--pack-destination', fresh], {
      cwd: join(repository, 'packages', name),
    })
  }
  try {
    renameSync(fresh, folder)
  } catch (error) {
    // Another test was first: what it has packed is the same.
    if (!existsSync(folder)) throw error
  }
  return folder
}

/** A digest of all that goes into the packages. */
function stateOf(): string {
  const digest = createHash('sha256')
  const files = globSync(
    ['tsconfig*.json', 'pnpm-*.yaml', 'packages/*/{LICENSE,*.json}', 'packages/*/src/**/*.*'],
    { cwd: repository },
  )
  for (const file of files.sort()) {
    const content = createHash('sha256')
      .update(readFileSync(join(repository, file)))
      .digest('hex')
    digest.update(`${file} ${content}\n`)
  }
  return digest.digest('hex').slice(0, 32)
}

/** Packs the packages and installs them into an empty project below `folder`, with others beside them; the project's folder. */
export async function installPacked(folder: string, others: readonly string[] = []): Promise<string> {
  const tarballs = await packPackages()
  const files = readdirSync(tarballs).map(file => join(tarballs, file))
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
  await call('npm', ['install', '--no-audit', '--no-fund', ...files, ...others], { cwd: project })
  return project
}
