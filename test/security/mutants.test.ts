import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MUTANTS } from '../mutants/mutants.ts'
import { ROOT, replaceOnce } from '../mutants/tree.ts'

test('every mutant still breaks the code that it names, once, and names cases that are there', t => {
  for (const { name, patches, file, cases } of MUTANTS) {
    t.true(patches.length > 0, name)
    for (const patch of patches) {
      t.notThrows(() => replaceOnce(readFileSync(join(ROOT, patch.file), 'utf8'), patch), name)
      t.not(patch.from, patch.to)
    }
    const source = readFileSync(join(import.meta.dirname, file), 'utf8')
    for (const id of cases) t.true(source.includes(`'${id} `), `${file} has no case ${id}`)
  }
  t.is(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
})
