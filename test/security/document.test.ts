import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const tests = join(import.meta.dirname, '..')
const document = readFileSync(join(tests, '../docs/security.md'), 'utf8')

test('docs/security.md names every case and every file that is there, and none that is not', t => {
  const titles = readdirSync(import.meta.dirname)
    .filter(name => name.endsWith('.test.ts'))
    .flatMap(name => [
      ...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(/['`]([TSARCBVH]\d+) [\w ]+: /g),
    ])
  const there = new Set(titles.map(([, id = '']) => id))
  const threats = document.slice(0, document.indexOf('## What the cases can see'))
  const named = new Set([...threats.matchAll(/\b[TSARCBVH]\d\b/g)].map(([id]) => id))
  t.deepEqual([...named].sort(), [...there].sort())
  for (const [, file = ''] of document.matchAll(/`([\w-]+\/[\w-]+\.test\.ts)`/g))
    t.true(existsSync(join(tests, file)), file)
})
