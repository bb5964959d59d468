import { join } from 'node:path'
import { type AuthService, createAuthService } from '@carnet/auth-service'
import { fixedManifest, loadManifest, MemoryStore, parseSecrets } from '@carnet/protocol'
import test from 'ava'
import { pino } from 'pino'
import { startPostgres } from '../support/postgres.ts'

const postgres = await startPostgres()
const manifest = fixedManifest(loadManifest(join(import.meta.dirname, '../../deploy/demo/sites.yaml')))

function makeService(databaseUrl: string): Promise<AuthService> {
  return createAuthService({
    manifest,
    store: new MemoryStore(),
    databaseUrl,
    secrets: parseSecrets('x'.repeat(32)),
    log: pino({ level: 'silent' }),
    passwordCost: 8,
  })
}

const services = {
  sqlite: await makeService('sqlite::memory:'),
  postgres: await makeService(await postgres.create()),
}
test.after.always(async () => {
  for (const service of Object.values(services)) await service.close()
  await postgres.stop()
})

for (const [name, service] of Object.entries(services)) {
  const { users } = service

  test.before(() =>
    users.add({ email: 'Ada@Example.com', password: 'p'.repeat(80), name: 'Ada' }).then(() => {}),
  )

  test(`${name}: every character of a long password counts, also past the 72 bytes that bcrypt reads`, async t => {
    t.is((await users.authenticate('ada@example.com', 'p'.repeat(80))).user.email, 'ada@example.com')
    for (const wrong of [
      'p'.repeat(79),
      'p'.repeat(81),
      'p'.repeat(72),
      `${'p'.repeat(79)}q`,
      `${'p'.repeat(80)}\0`,
    ]) {
      await t.throwsAsync(users.authenticate('ada@example.com', wrong), {
        code: 'invalid_credentials',
      } as object)
    }
  })

  test(`${name}: an address can be taken once, in any spelling, also at the same moment`, async t => {
    const add = () => users.add({ email: 'ＢＯＢ@example.com', password: 'x'.repeat(20), name: 'Bob' })
    const added = await Promise.allSettled([add(), add(), add()])
    t.is(added.filter(({ status }) => status === 'fulfilled').length, 1)
    await t.throwsAsync(users.add({ email: 'bob@example.com', password: 'x', name: '' }), {
      code: 'email_taken',
    } as object)
    t.true((await users.list()).some(({ user }) => user.email === 'bob@example.com'))
  })

  test(`${name}: what is no address is refused`, async t => {
    for (const email of [
      '',
      'x',
      '@',
      'a@',
      '@a',
      'a@b@c',
      'a b@c',
      'a@b\r\nBcc: x@y',
      'a@b＠c',
      `${'x'.repeat(400)}@y`,
    ]) {
      await t.throwsAsync(
        users.add({ email, password: 'x', name: '' }),
        { code: 'invalid_input' } as object,
        email,
      )
    }
  })
}
