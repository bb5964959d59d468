import {
  type CarnetError,
  issueTickets,
  openStore,
  type Redemption,
  redeemTicket,
  type Store,
  sessionHandle,
  startSession,
} from '@carnet/protocol'
import anyTest from 'ava'
import { startCluster } from '../support/cluster.ts'
import { freePort } from '../support/free-port.ts'
import { ada, clientAt } from '../support/people.ts'
import { startRedis } from '../support/redis.ts'
import { startRedisProcess } from '../support/redis-process.ts'
import { cutReplicas } from '../support/replication.ts'
import { scriptSentinel } from '../support/scripted-sentinel.ts'
import { startSentinel } from '../support/sentinel.ts'
import { until } from '../support/until.ts'

// Each test starts servers of its own.
const test = anyTest.serial

const LIFE = { idle: 600_000, absolute: 3_600_000 }
const away = { code: 'store_unavailable' } as object
const client = clientAt('192.0.2.10')
const STATE = 'a-state'
const shown: Redemption = { site: 'shop', client, binding: 'prefix', state: STATE, acceptsPushed: false }
const AT_SITE = { rememberUntil: 0, noted: false }

/** A gate: who passes waits until it is opened. */
function gate(): { pass: Promise<void>; open: () => void } {
  let open = () => {}
  const pass = new Promise<void>(resolve => {
    open = resolve
  })
  return { pass, open }
}

async function inOrder(...stores: Store[]): Promise<void> {
  for (const store of stores) await until(() => store.ping().then(() => true), 20_000)
}

async function ticketOf(store: Store, sid: string): Promise<string> {
  return (await issueTickets(store, sid, client, [{ site: 'shop', ttl: 60_000, state: STATE }]))[0] ?? ''
}

/** What reading gives: a name, null, or the code of the refusal. */
async function readOf(store: Store, sid: string): Promise<string | null> {
  try {
    return (await store.read(sid))?.user.name ?? null
  } catch (error) {
    return (error as CarnetError).code
  }
}

async function pair(t: { teardown(work: () => Promise<void>): void }, url: string) {
  const [keeper, agent] = [await openStore(url), await openStore(url)]
  t.teardown(async () => {
    await keeper.close()
    await agent.close()
  })
  return { keeper, agent }
}

test('an agent reads nothing until a service has put the master in order', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  const sid = 'x'.repeat(32)
  for (const ask of [
    () => agent.read(sid),
    () => agent.redeem(`shop.xxxxxxxx.${'x'.repeat(24)}`),
    () => agent.revoke(sid, AT_SITE),
    () => agent.wasRevoked(sid),
    () => agent.ping(),
    () => keeper.read(sid),
    () => keeper.beat(),
  ])
    await t.throwsAsync(ask, away)
  keeper.keep(async () => {})
  await until(async () => (await readOf(agent, sid)) === null)
  t.is(await readOf(keeper, sid), null)
})

test('after a restart nothing is read until the replay has run, then what it ended stays ended', async t => {
  const redis = await startRedis({ appendOnly: true })
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  let { pass, open } = gate()
  open()
  let replays = 0
  let replay = async () => {}
  keeper.keep(async () => {
    replays++
    await pass
    await replay()
  })
  await inOrder(keeper, agent)
  const kept = await startSession(keeper, ada, LIFE)
  const lost = await startSession(keeper, ada, LIFE)
  t.is(await readOf(agent, kept.sid), 'Ada')
  const before = replays
  ;({ pass, open } = gate())
  replay = async () => void (await keeper.revoke(lost.sid, { rememberUntil: 0, noted: true }))
  await redis.restart()
  await until(() => replays > before)
  const seen = new Set<string | null>()
  const startedAt = performance.now()
  // The time is the subject: longer than any process waits before it looks again.
  await until(async () => {
    for (const store of [agent, keeper])
      for (const { sid } of [kept, lost]) seen.add(await readOf(store, sid))
    return performance.now() - startedAt > 800
  })
  t.deepEqual([...seen], ['store_unavailable'])
  open()
  await until(async () => {
    t.not(await readOf(agent, lost.sid), 'Ada')
    return (await readOf(agent, kept.sid)) === 'Ada'
  })
  t.is(await readOf(agent, lost.sid), null)
})

test('a replay that fails is tried again, and nothing is read before one succeeds', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  let tries = 0
  let fails = true
  keeper.keep(async () => {
    tries++
    if (fails) throw new Error('The accounts do not answer.')
  })
  await until(async () => {
    t.is(await readOf(agent, 'x'.repeat(32)), 'store_unavailable')
    t.is(await readOf(keeper, 'x'.repeat(32)), 'store_unavailable')
    return tries >= 3
  })
  fails = false
  await inOrder(keeper, agent)
  t.is(await readOf(agent, 'x'.repeat(32)), null)
})

test('of two services one that hangs does not hold up the other', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  const other = await openStore(redis.url)
  t.teardown(() => other.close())
  let hangs = false
  other.keep(() => {
    hangs = true
    return new Promise(() => {})
  })
  await until(() => hangs)
  keeper.keep(async () => {})
  await inOrder(keeper, agent)
  t.pass()
})

test('two services both bring what they know before either reads, and the store comes into order', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  const other = await openStore(redis.url)
  t.teardown(() => other.close())
  const replays = { ofOne: 0, ofOther: 0 }
  keeper.keep(async () => void replays.ofOne++)
  other.keep(async () => void replays.ofOther++)
  await inOrder(keeper, other, agent)
  await redis.restart()
  await inOrder(keeper, other, agent)
  t.true(replays.ofOne + replays.ofOther >= 2)
})

test('a ticket that outlived a restart opens nothing, since its burning may not have', async t => {
  const redis = await startRedis({ appendOnly: true })
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  keeper.keep(async () => {})
  await inOrder(keeper, agent)
  const { sid } = await startSession(keeper, ada, LIFE)
  const [ticket, control] = [await ticketOf(keeper, sid), await ticketOf(keeper, sid)]
  t.is((await redeemTicket(agent, control, shown)).sid, sid)
  await redis.restart()
  await inOrder(keeper, agent)
  t.is(await readOf(agent, sid), 'Ada')
  t.is(((await redis.ask('KEYS', 'carnet:t:*')) as string[]).length, 1, 'it is there')
  await t.throwsAsync(redeemTicket(agent, ticket, shown), { code: 'ticket_unknown' } as object)
  t.is((await redeemTicket(agent, await ticketOf(keeper, sid), shown)).sid, sid)
})

test('a server that was given a replica later acknowledges no revocation that the replica lacks', async t => {
  const redis = await startRedis()
  const port = await freePort()
  const { keeper, agent } = await pair(t, redis.url)
  keeper.keep(async () => {})
  // With its first replica a master takes another name, which is noticed with a beat.
  const beats = setInterval(() => void keeper.beat().catch(() => {}), 300)
  t.teardown(async () => clearInterval(beats))
  await inOrder(keeper, agent)
  const first = await startSession(keeper, ada, LIFE)
  t.true(await agent.revoke(first.sid, AT_SITE), 'its log is enough, where there is no replica')
  const args = ['--port', `${port}`, '--save', '', '--replicaof', '127.0.0.1', `${redis.port}`]
  const replica = await startRedisProcess({ port, args: () => args })
  t.teardown(async () => {
    await replica.stop()
    await redis.stop()
  })
  await until(async () => (await replica.info('master_link_status')) === 'up', 20_000)
  const [second, third] = [await startSession(keeper, ada, LIFE), await startSession(keeper, ada, LIFE)]
  await until(() => agent.revoke(second.sid, AT_SITE).then(() => true))
  replica.freeze()
  await t.throwsAsync(agent.revoke(third.sid, AT_SITE), away)
  replica.thaw()
  await until(() => agent.revoke(third.sid, AT_SITE).then(() => true))
})

test('a server without replicas and without a log acknowledges what was noted elsewhere, and nothing else', async t => {
  const redis = await startRedis({ log: false })
  t.teardown(() => redis.stop())
  const { keeper, agent } = await pair(t, redis.url)
  keeper.keep(async () => {})
  await inOrder(keeper, agent)
  const { sid } = await startSession(keeper, ada, LIFE)
  await t.throwsAsync(agent.revoke(sid, AT_SITE), away)
  t.is(await readOf(agent, sid), null, 'it has ended all the same')
  const watch = keeper.watch({
    forget: async () => keeper.noted(await keeper.unnoted()),
    forgetAll: () => {},
  })
  t.teardown(() => watch.stop())
  const second = await startSession(keeper, ada, LIFE)
  await until(() => agent.revoke(second.sid, AT_SITE).then(() => true))
})

test('a master that takes another name while its connections stay is put in order under that one, and everybody hears of it', async t => {
  const redis = await startRedis()
  const port = await freePort()
  const { keeper, agent } = await pair(t, redis.url)
  let replays = 0
  keeper.keep(async () => void replays++)
  const beats = setInterval(() => void keeper.beat().catch(() => {}), 300)
  t.teardown(async () => clearInterval(beats))
  await inOrder(keeper, agent)
  const watch = agent.watch({ forget: () => {}, forgetAll: () => {} })
  await until(() => watch.isCurrent(0))
  const { sid } = await startSession(keeper, ada, LIFE)
  const [before, replayed] = [await redis.info('master_replid'), replays]
  // Its first replica gives it another replication id.
  const args = ['--port', `${port}`, '--save', '', '--replicaof', '127.0.0.1', `${redis.port}`]
  const replica = await startRedisProcess({ port, args: () => args })
  t.teardown(async () => {
    await replica.stop()
    await redis.stop()
  })
  await until(async () => (await replica.info('master_link_status')) === 'up', 20_000)
  t.not(await redis.info('master_replid'), before)
  await until(() => replays > replayed)
  const late = await openStore(redis.url)
  t.teardown(() => late.close())
  await inOrder(keeper, agent, late)
  // Each reads, takes tickets of the service, and believes its beats.
  for (const store of [agent, late]) {
    const heard = store.watch({ forget: () => {}, forgetAll: () => {} })
    t.is(await readOf(store, sid), 'Ada')
    await until(async () => (await redeemTicket(store, await ticketOf(keeper, sid), shown)).sid === sid)
    await until(() => heard.isCurrent(0))
  }
})

test('behind sentinels a revocation is acknowledged only where a replica or a service has it, and then outlives the master', async t => {
  const sentinel = await startSentinel()
  t.teardown(() => sentinel.stop())
  const { keeper, agent } = await pair(t, sentinel.url)
  // As SQL would know it.
  const ended = new Map<string, string>()
  const sids = new Map<string, string>()
  let notes = false
  const broughtBack: string[] = []
  keeper.keep(async () => {
    for (const sid of ended.values()) {
      if (await keeper.revoke(sid, { rememberUntil: 0, noted: true })) broughtBack.push(sid)
    }
  })
  const note = async () => {
    if (!notes) return
    const handles = await keeper.unnoted()
    for (const handle of handles) ended.set(handle, sids.get(handle) ?? '')
    await keeper.noted(handles)
  }
  keeper.watch({ forget: () => void note().catch(() => {}), forgetAll: () => {} })
  const beats = setInterval(() => void keeper.beat().catch(() => {}), 300)
  t.teardown(async () => clearInterval(beats))
  await inOrder(keeper, agent)
  const begin = async () => {
    const { sid } = await startSession(keeper, ada, LIFE)
    sids.set(sessionHandle(sid), sid)
    return sid
  }
  const [replicated, unheard, noted, living] = [await begin(), await begin(), await begin(), await begin()]
  await until(() => agent.revoke(replicated, AT_SITE).then(() => true))
  const replicas = sentinel.replicas
  await until(async () => {
    const offsets = await Promise.all(
      [sentinel.first, ...replicas].map(each => each.info('master_repl_offset')),
    )
    return new Set(offsets).size === 1
  })
  await sentinel.cutReplication()
  await t.throwsAsync(agent.revoke(unheard, AT_SITE), away)
  t.is(await agent.read(unheard), null, 'though it is gone where it could be reached')
  notes = true
  await until(() => agent.revoke(noted, AT_SITE).then(() => true))
  t.is(ended.get(sessionHandle(noted)), noted)
  await sentinel.first.kill()
  await sentinel.promoted(sentinel.first.port)
  await until(async () => {
    t.not(await readOf(agent, noted), 'Ada')
    t.not(await readOf(agent, replicated), 'Ada')
    return (await readOf(agent, living)) === 'Ada'
  }, 20_000)
  t.is(await readOf(agent, noted), null)
  t.is(await readOf(agent, replicated), null)
  t.true(broughtBack.includes(noted), 'the new master had lost it')
})

test('a ticket that was burnt at a lost master is not burnt again at the one that a cluster moved it to', async t => {
  const cluster = await startCluster({ nodeTimeoutMs: 2_000 })
  t.teardown(() => cluster.stop())
  const { keeper, agent } = await pair(t, cluster.url)
  keeper.keep(async () => {})
  await inOrder(keeper, agent)
  const { sid } = await startSession(keeper, ada, LIFE)
  const tickets = [await ticketOf(keeper, sid), await ticketOf(keeper, sid)]
  const slot = Number(await cluster.nodes[0]?.ask('CLUSTER', 'KEYSLOT', `{${sid.slice(0, 8)}}`))
  const master = await cluster.ownerOf(slot)
  const replica = cluster.nodes[cluster.nodes.indexOf(master) + 3]
  if (replica === undefined) return t.fail()
  await until(
    async () => (await replica.info('slave_repl_offset')) === (await master.info('master_repl_offset')),
  )
  await cutReplicas(master)
  for (const ticket of tickets) t.is((await redeemTicket(agent, ticket, shown)).sid, sid)
  await replica.ask('CLUSTER', 'FAILOVER', 'TAKEOVER')
  await until(async () => (await master.info('role')) === 'slave')
  for (const ticket of tickets) await t.throwsAsync(redeemTicket(agent, ticket, shown))
})

test('who hears of a new master just while it asks for the master comes back all the same', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const sentinel = await scriptSentinel(redis.port)
  t.teardown(() => sentinel.stop())
  const store = await openStore(`redis+sentinel://127.0.0.1:${sentinel.port}/carnet`)
  t.teardown(() => store.close())
  store.keep(async () => {})
  await inOrder(store)
  // Its commands, and its link.
  await until(() => sentinel.listeners() === 2)
  const before = sentinel.asked()
  const release = sentinel.hold()
  await redis.ask('CLIENT', 'KILL', 'TYPE', 'normal')
  await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until(() => sentinel.asked() === before + 2)
  sentinel.announce()
  release()
  await inOrder(store)
  const watch = store.watch({ forget: () => {}, forgetAll: () => {} })
  await until(() => store.beat().then(() => watch.isCurrent(0)))
  t.pass()
})
