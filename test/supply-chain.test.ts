import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const call = promisify(execFile)

interface Bom {
  specVersion: string
  components: { name: string; purl: string; version: string }[]
  dependencies: { ref: string; dependsOn?: string[] }[]
}

/** The packages that run, by pnpm's account of the lockfile. */
async function bom(): Promise<Bom> {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { bom: string } }
  const [program = '', ...args] = scripts.bom.replace(/ --out \S+/, ' --lockfile-only').split(' ')
  const { stdout } = await call(program, args, { cwd: root, maxBuffer: 2 ** 26 })
  return JSON.parse(stdout) as Bom
}

const purl = (name: string) => `pkg:npm/${name.replace('@', '%40')}`

/** All that comes with a package, without itself. */
function others(graph: ReadonlyMap<string, readonly string[]>, ref: string): number {
  const seen = new Set<string>()
  const visit = (at: string) => {
    if (seen.has(at)) return
    seen.add(at)
    for (const next of graph.get(at) ?? []) visit(next)
  }
  visit(ref)
  return seen.size - 1
}

test('each dependency that runs stands in docs/dependencies.md, with its reason, its licence, and what it brings', async t => {
  t.timeout(120_000)
  const { specVersion, dependencies } = await bom()
  t.is(specVersion, '1.6')
  const graph = new Map(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]))
  const page = read('docs/dependencies.md')
  for (const name of ['protocol', 'auth-service', 'site-agent']) {
    const section = page.split(`## \`@carnet/${name}\`\n`)[1]?.split('\n## ')[0] ?? ''
    const told = [...section.matchAll(/^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \| (\d+) \|$/gm)].map(
      ([, dependency = '', reason = '', without = '', licence = '', count = '']) => {
        t.true(reason.length > 5 && without.length > 5, dependency)
        return { dependency, licence, others: Number(count) }
      },
    )
    const { dependencies: given } = JSON.parse(read(`packages/${name}/package.json`)) as {
      dependencies: Record<string, string>
    }
    const found = Object.keys(given)
      .filter(dependency => !dependency.startsWith('@carnet/'))
      .map(dependency => {
        const manifest = read(`packages/${name}/node_modules/${dependency}/package.json`)
        const { license, version } = JSON.parse(manifest) as { license: string; version: string }
        const ref = `${purl(dependency)}@${version}`
        t.true(graph.has(ref), `${ref} is what the lockfile names`)
        return { dependency, licence: license, others: others(graph, ref) }
      })
    t.deepEqual(told, found, name)
  }
})

test('scripts of packages run by name only, and CI installs what the lockfile names', t => {
  const workspace = read('pnpm-workspace.yaml')
  const allowed = workspace.split(/^allowBuilds:\n/m)[1]?.split(/^\S/m)[0] ?? ''
  t.deepEqual(allowed.trim().split('\n'), ['node: true'])
  t.notRegex(
    workspace,
    /dangerouslyAllowAllBuilds|onlyBuiltDependencies|neverBuiltDependencies|strictDepBuilds: false/,
  )
  for (const path of [
    'package.json',
    ...['protocol', 'auth-service', 'site-agent'].map(name => `packages/${name}/package.json`),
  ]) {
    const { scripts = {} } = JSON.parse(read(path)) as { scripts?: Record<string, string> }
    t.deepEqual(
      Object.keys(scripts).filter(name => /^(pre|post)?install$|^prepare$/.test(name)),
      [],
      path,
    )
  }
  t.regex(read('.ci/run'), /pnpm@12 install --frozen-lockfile/)
})

test('every package in the lockfile is named by its content', t => {
  const entries = [
    ...((read('pnpm-lock.yaml').split('\npackages:\n')[1] ?? '')
      .split('\nsnapshots:\n')[0]
      ?.matchAll(/^ {2}\S.*:\n {4}resolution: (.*)$/gm) ?? []),
  ]
  t.true(entries.length > 200)
  for (const [entry, resolution] of entries) t.regex(resolution ?? '', /^\{integrity: sha512-/, entry)
})
