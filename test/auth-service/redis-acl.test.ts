import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  issueTickets,
  openStore,
  redeemTicket,
  revokeSession,
  sessionHandle,
  startSession,
} from '@carnet/protocol'
import test from 'ava'
import { Redis } from 'ioredis'
import { openKeptStore } from '../support/kept-store.ts'
import { ada, clientAt } from '../support/people.ts'
import { run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const carnetCommand = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')
const env = {
  CARNET_MANIFEST: join(import.meta.dirname, '../../deploy/demo/sites.yaml'),
  CARNET_DATA_DIR: mkdtempSync(join(tmpdir(), 'carnet-acl-')),
  CARNET_SECRETS: `${'n'.repeat(32)},${'o'.repeat(32)}`,
}
const LIFE = { idle: 60_000, absolute: 600_000 }
const client = clientAt('192.0.2.10')
const STATE = 'a-state'

async function command(...args: string[]): Promise<string> {
  const program = run([carnetCommand, 'redis-acl', ...args], env)
  await program.exited
  return program.output().trim()
}

const rules = (await command()).split('\n')
const passwords = { auth: await command('--password', 'auth'), shop: await command('--password', 'shop') }

/** A Redis with the printed rules, and nobody else let in but `admin`. */
async function startGuarded(cluster: boolean) {
  const redis = await startRedis({ cluster })
  const boss = ['reset', 'on', '>boss', 'allkeys', 'allchannels', '+@all']
  const first = new Redis(redis.port)
  await first.call('ACL', 'SETUSER', 'boss', ...boss)
  first.disconnect()
  const admin = new Redis({ port: redis.port, username: 'boss', password: 'boss' })
  for (const rule of rules) {
    const [, name = '', ...parts] = rule.split(' ')
    await admin.call('ACL', 'SETUSER', name, ...(parts.join(' ').match(/\([^)]*\)|\S+/g) ?? []))
  }
  const scheme = cluster ? 'redis+cluster' : 'redis'
  const urlOf = (id: keyof typeof passwords) =>
    `${scheme}://carnet-${id}:${encodeURIComponent(passwords[id])}@127.0.0.1:${redis.port}`
  return { redis, admin, urlOf }
}

for (const cluster of [false, true]) {
  const name = cluster ? 'cluster' : 'single'

  test(`${name}: service and agent do all that they do under the printed rules`, async t => {
    const { redis, admin, urlOf } = await startGuarded(cluster)
    const service = await openKeptStore(urlOf('auth'))
    const agent = await openStore(urlOf('shop'))
    t.teardown(async () => {
      await service.close()
      await agent.close()
      admin.disconnect()
      await redis.stop()
    })
    await until(() => service.ping().then(() => true))
    await until(() => agent.ping().then(() => true))
    const heard: string[] = []
    const watch = agent.watch({ forget: handle => heard.push(handle), forgetAll: () => {} })
    await until(() => watch.isCurrent(0) && watch.isCurrent(15))

    const { sid } = await startSession(service, ada, LIFE, { rememberedUntil: service.now() + 60_000 })
    t.deepEqual((await agent.read(sid))?.user, ada)
    t.deepEqual(await agent.touch([{ sid, until: agent.now() + 120_000 }]), [true])
    t.true(await service.renew(sid, { ...ada, name: 'Ada' }, 1))
    await until(() => heard.includes(sessionHandle(sid)))
    const requests = ['shop', 'news'].map(site => ({ site, ttl: 10_000, state: STATE }))
    const [own = '', other = ''] = await issueTickets(service, sid, client, requests)
    const shown = { site: 'shop', client, binding: 'exact', state: STATE, acceptsPushed: false } as const
    t.is((await redeemTicket(agent, own, shown)).sid, sid)
    await t.throwsAsync(redeemTicket(agent, other, shown), { code: 'ticket_wrong_site' } as object)
    await t.throwsAsync(redeemTicket(agent, other, shown), { code: 'ticket_unknown' } as object, 'and burnt')
    t.true(await revokeSession(agent, sid, { remember: 60_000 }))
    t.true(await service.wasRevoked(sid))
    const intruder = new Redis({ port: redis.port, username: 'carnet-shop', password: passwords.shop })
    t.teardown(() => intruder.disconnect())
    const lane = cluster ? sessionHandle(sid).charAt(0) : '0'
    await intruder.sadd(`carnet:unnoted:{${lane}}`, Buffer.from([0xff]), 'junk')
    t.deepEqual(await service.unnoted(), [sessionHandle(sid)])
    t.is(await admin.scard(`carnet:unnoted:{${lane}}`), 1)
    await service.noted(await service.unnoted())
    const report = {
      event: 'ticket_refused',
      outcome: 'ticket_wrong_site',
      prefix: null,
      session: null,
      at: 1,
    } as const
    await agent.report('shop', [report])
    await t.throwsAsync(
      agent.report('news', [report]),
      { code: 'store_unavailable' } as object,
      'another site',
    )
    t.deepEqual(await service.reports(['shop', 'news']), [{ site: 'shop', report }])
    await intruder.lpush('carnet:reports:{shop}', Buffer.alloc(2_000_000))
    const dropped: string[] = []
    t.deepEqual(await service.reports(['shop', 'news'], site => dropped.push(site)), [])
    t.deepEqual(dropped, ['shop'])
    await service.beat()
    t.deepEqual(await service.ends([sid]), [null])
  })
}

test('who has no user is not let in', async t => {
  const { redis, admin } = await startGuarded(false)
  const stranger = new Redis(redis.port)
  stranger.on('error', () => {})
  t.teardown(async () => {
    stranger.disconnect()
    admin.disconnect()
    await redis.stop()
  })
  await t.throwsAsync(stranger.get('carnet:s:{a}b'), { message: /NOAUTH/ })
})

test('what an agent must not do is refused by Redis itself', async t => {
  const { redis, admin, urlOf } = await startGuarded(false)
  const service = await openKeptStore(urlOf('auth'))
  const agent = new Redis(urlOf('shop'))
  t.teardown(async () => {
    await service.close()
    agent.disconnect()
    admin.disconnect()
    await redis.stop()
  })
  const { sid } = await startSession(service, ada, LIFE)
  const [ticket] = await issueTickets(service, sid, client, [{ site: 'news', ttl: 60_000, state: STATE }])
  t.not(ticket, undefined)
  const key = async (pattern: string) => (await admin.keys(pattern))[0] ?? t.fail(`no ${pattern}`)
  const session = String(await key('carnet:s:*'))
  const theirs = String(await key('carnet:t:news:*'))
  const reign = String(await key('carnet:reign:*'))
  const record = (await admin.get(session)) ?? ''
  const FORBIDDEN: [string, ...string[]][] = [
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['RANDOMKEY'],
    ['DBSIZE'],
    // Write a session, or keep one alive that has ended.
    ['SET', session, record],
    ['SET', 'carnet:s:{aaaaaaaa}bbbbbbbbbbbbbbbbbbbbbbbb', record],
    ['SETRANGE', session, '0', '2'],
    ['APPEND', session, 'x'],
    ['GETSET', session, record],
    ['GETDEL', session],
    ['PERSIST', session],
    ['RENAME', theirs, session],
    ['COPY', session, 'carnet:s:{aaaaaaaa}bbbbbbbbbbbbbbbbbbbbbbbb'],
    ['RESTORE', 'carnet:s:{aaaaaaaa}bbbbbbbbbbbbbbbbbbbbbbbb', '0', 'x'],
    // Read another site's ticket, or mint one, also for itself.
    ['GET', theirs],
    ['GETDEL', theirs],
    ['DUMP', theirs],
    ['SET', theirs, 'x'],
    ['SET', 'carnet:t:shop:{aaaaaaaa}:x', 'x'],
    ['PEXPIREAT', theirs, '9999999999999'],
    // Say what the auth service says, or undo it.
    ['PUBLISH', 'carnet:beat:{0}', 'x'],
    ['PUBLISH', 'elsewhere', 'x'],
    ['PSUBSCRIBE', '*'],
    ['SET', reign, '1'],
    ['DEL', reign],
    ['SMEMBERS', 'carnet:unnoted:{0}'],
    ['SREM', 'carnet:unnoted:{0}', 'x'],
    ['DEL', 'carnet:unnoted:{0}'],
    // Read what was told to the audit log, or tell it as another site.
    ['LRANGE', 'carnet:reports:{shop}', '0', '-1'],
    ['LINDEX', 'carnet:reports:{shop}', '0'],
    ['LLEN', 'carnet:reports:{shop}'],
    ['MEMORY', 'USAGE', 'carnet:reports:{shop}'],
    ['RPOP', 'carnet:reports:{shop}'],
    ['LMOVE', 'carnet:reports:{shop}', 'carnet:reports:{shop}', 'LEFT', 'RIGHT'],
    ['LPUSH', 'carnet:reports:{news}', 'x'],
    ['LTRIM', 'carnet:reports:{news}', '1', '0'],
    ['PEXPIRE', 'carnet:reports:{news}', '1'],
    ['LPUSH', 'carnet:reports:{shop-2}', 'x'],
    ['GET', 'carnet:r:{aaaaaaaa}bbbbbbbbbbbbbbbbbbbbbbbb'],
    ['DEL', 'carnet:r:{aaaaaaaa}bbbbbbbbbbbbbbbbbbbbbbbb'],
    // The server.
    ['EVAL', 'return 1', '0'],
    ['EVALSHA', 'a'.repeat(40), '0'],
    ['FCALL', 'f', '0'],
    ['SCRIPT', 'LOAD', 'return 1'],
    ['CONFIG', 'GET', '*'],
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['SWAPDB', '0', '1'],
    ['SHUTDOWN'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['CLIENT', 'PAUSE', '1'],
    ['MONITOR'],
    ['ACL', 'LIST'],
    ['ACL', 'SETUSER', 'carnet-shop', '+@all'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['SAVE'],
    ['CLUSTER', 'RESET'],
  ]
  for (const [name, ...args] of FORBIDDEN) {
    await t.throwsAsync(agent.call(name, ...args), { message: /NOPERM/ }, [name, ...args].join(' '))
  }
  t.is(await admin.get(session), record, 'and nothing has changed')
  t.is(await admin.exists(theirs, reign), 2)
})

test('the rules hold no password, and an old one goes on to open while its secret is there', async t => {
  t.is(rules[0], 'user default reset off')
  t.is(rules.length, 5)
  for (const rule of rules.slice(1)) {
    t.notRegex(rule, />|nopass/)
    t.is(rule.match(/ #[0-9a-f]{64}/g)?.length, 2)
  }
  t.regex(await command('--password', 'nowhere'), /There is no site "nowhere"/)
})
