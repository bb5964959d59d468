import { createRequire } from 'node:module'
import { join } from 'node:path'
import test from 'ava'
import bcrypt from 'bcryptjs'
import { Passwords } from '../../packages/auth-service/src/accounts/passwords.ts'

type Run = (this: object, task: { hash: string }, options: object) => Promise<unknown>

const require = createRequire(join(import.meta.dirname, '../../packages/auth-service/package.json'))
const workers = (require('piscina') as { Piscina: { prototype: { run: Run } } }).Piscina.prototype

const COST = 5
const TODAY = `{hmac-sha256}$2b$0${COST}$`

test.serial('no wrong password is refused more cheaply than that of an unknown user', async t => {
  const tasks: string[] = []
  const { run } = workers
  workers.run = function (task, options) {
    tasks.push(task.hash)
    return run.call(this, task, options)
  }
  const passwords = new Passwords(() => COST)
  const before = new Passwords(() => 4)
  t.teardown(async () => {
    workers.run = run
    await passwords.close()
    await before.close()
  })
  const old = await before.hash('right')
  const own = await passwords.hash('right')
  const foreign = bcrypt.hashSync('right', 4)
  const asked = async (hash: string | null, password: string, matches: boolean) => {
    tasks.length = 0
    t.is(await passwords.verify(password, hash), matches)
    return [...tasks]
  }
  const [nobody = ''] = await asked(null, 'wrong', false)
  t.true(nobody.startsWith(TODAY))
  t.deepEqual(await asked(own, 'wrong', false), [own])
  for (const hash of [old, foreign, 'no hash']) {
    t.deepEqual(await asked(hash, 'wrong', false), [hash, nobody])
  }
  for (const hash of [old, foreign, own]) t.deepEqual(await asked(hash, 'right', true), [hash])
})
