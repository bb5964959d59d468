import { setTimeout } from 'node:timers/promises'
import { startCluster } from '../support/cluster.ts'
import type { RedisProcess } from '../support/redis-process.ts'
import { confirmedBy, cutReplicas } from '../support/replication.ts'
import { startSentinel } from '../support/sentinel.ts'
import { until } from '../support/until.ts'
import { type Drill, prove } from './drill.ts'

const MARK = 'drill:mark'

/** A replica that was cut off from its master is promoted: what the master acknowledged meanwhile is not there. */
export const sentinelFailover: Drill = {
  name: 'sentinel-failover',
  failure: 'Sentinel promotes a replica that was cut off for 4 s; the master is killed',
  async prepare() {
    const sentinel = await startSentinel()
    return {
      storeUrl: sentinel.url,
      stop: sentinel.stop,
      async fault({ oracle, brief }) {
        const old = await sentinel.master()
        oracle.faultBegan()
        await sentinel.cutReplication()
        const signOuts = oracle.count('sign-out')
        await setTimeout(brief ? 2_500 : 4_000)
        const during = oracle.count('sign-out') - signOuts
        prove((await confirmedBy(old, ['SET', MARK, '1', 'EX', '60'])) === 0, 'WAIT counted a replica')
        await old.kill()
        const next = await sentinel.promoted(old.port)
        prove((await next.info('role')) === 'master', 'nobody was promoted')
        prove((await next.ask('EXISTS', MARK)) === 0, 'the new master has what was written during the cut')
        oracle.faultEnded()
        return `WAIT gave 0 and what was written then is missing on the new master; ${during} sign-outs were acknowledged during the cut`
      },
    }
  },
}

/** A replica is promoted while clients are still served by its master, and one site knows the new one only. */
export const splitSentinel: Drill = {
  name: 'sentinel-split',
  failure: 'Sentinel promotes a replica while the old master still serves; one site was restarted in between',
  async prepare() {
    const sentinel = await startSentinel()
    return {
      storeUrl: sentinel.url,
      stop: sentinel.stop,
      async fault({ world, oracle, brief }) {
        const [agent] = world.agents
        if (agent === undefined) throw new Error('There is no agent.')
        const old = await sentinel.master()
        oracle.faultBegan()
        await sentinel.isolateMaster()
        const next = await sentinel.promoted(old.port)
        agent.program.process.kill('SIGKILL')
        await agent.program.exited
        await agent.start()
        prove((await old.info('role')) === 'master', 'the old master gave way too early')
        prove((await next.info('role')) === 'master', 'nobody was promoted')
        await setTimeout(brief ? 2_500 : 5_000)
        const writes = Number(await old.ask('DBSIZE'))
        await sentinel.heal()
        await until(async () => (await old.info('role')) === 'slave', 20_000)
        oracle.faultEnded()
        return `two masters at a time, the old one with ${writes} keys at last; then it became a replica`
      },
    }
  },
}

/** A slot moves to another master and back, key by key. */
export const movedSlots: Drill = {
  name: 'cluster-slots',
  failure: 'slots move between the masters of a cluster of six',
  async prepare() {
    const cluster = await startCluster()
    return {
      storeUrl: cluster.url,
      stop: cluster.stop,
      async fault({ oracle, brief }) {
        const redirectsBefore = await redirects(cluster.nodes)
        oracle.faultBegan()
        let keys = 0
        let slots = 0
        const deadline = performance.now() + (brief ? 4_000 : 15_000)
        while (performance.now() < deadline) {
          const masters = await cluster.masters()
          const from = masters[slots % masters.length]
          const to = masters[(slots + 1) % masters.length]
          const key = from === undefined ? null : await from.ask('RANDOMKEY')
          if (from === undefined || to === undefined || key === null) continue
          const slot = Number(await from.ask('CLUSTER', 'KEYSLOT', String(key)))
          keys += await cluster.moveSlot(slot, to)
          slots += 1
        }
        oracle.faultEnded()
        const sent = (await redirects(cluster.nodes)) - redirectsBefore
        prove(keys > 0, 'no key moved')
        prove(sent > 0, 'no command was sent on')
        return `${slots} slots with ${keys} keys moved; ${sent} commands were sent on (MOVED, ASK, TRYAGAIN)`
      },
    }
  },
}

/** A master of a cluster is killed; its replica takes over by itself. */
export const killedMaster: Drill = {
  name: 'cluster-master',
  failure: 'a master of a cluster of six is killed, its replica takes over',
  async prepare() {
    const cluster = await startCluster()
    return {
      storeUrl: cluster.url,
      stop: cluster.stop,
      async fault({ oracle }) {
        const master = await cluster.ownerOf(0)
        const roles = () => Promise.all(cluster.nodes.map(node => node.info('role').catch(() => 'gone')))
        const before = await roles()
        oracle.faultBegan()
        await master.kill()
        await until(async () => (await cluster.ownerOf(0)) !== master, 30_000)
        const next = await cluster.ownerOf(0)
        const index = cluster.nodes.indexOf(next)
        prove(before[index] === 'slave' && (await roles())[index] === 'master', 'no replica took over')
        return `node ${cluster.nodes.indexOf(master)} is gone, node ${index} was its replica and is a master now`
      },
    }
  },
}

/** A master of a cluster is killed whose replica was cut off: what it acknowledged meanwhile is not there any more. */
export const cutOffMaster: Drill = {
  name: 'cluster-master-cut',
  failure: 'a master of a cluster of six is killed, its replica was cut off for 4 s',
  async prepare() {
    const cluster = await startCluster()
    return {
      storeUrl: cluster.url,
      stop: cluster.stop,
      async fault({ oracle, brief }) {
        const master = await cluster.ownerOf(0)
        oracle.faultBegan()
        await cutReplicas(master)
        const signOuts = oracle.count('sign-out')
        await setTimeout(brief ? 2_500 : 4_000)
        const during = oracle.count('sign-out') - signOuts
        const mark = await keyUpTo(master, 5_000)
        prove((await confirmedBy(master, ['SET', mark, '1', 'EX', '60'])) === 0, 'WAIT counted a replica')
        await master.kill()
        await until(async () => (await cluster.ownerOf(0)) !== master, 30_000)
        const next = await cluster.ownerOf(0)
        oracle.faultEnded()
        prove((await next.ask('EXISTS', mark)) === 0, 'the new master has what was written during the cut')
        return `WAIT gave 0 and what was written then is missing on the new master; ${during} sign-outs were acknowledged during the cut`
      },
    }
  },
}

/** A key in one of the slots up to a given one. */
async function keyUpTo(node: RedisProcess, slot: number): Promise<string> {
  for (let count = 0; ; count++) {
    const key = `${MARK}:${count}`
    if (Number(await node.ask('CLUSTER', 'KEYSLOT', key)) <= slot) return key
  }
}

/** How many commands the nodes sent elsewhere. */
async function redirects(nodes: readonly RedisProcess[]): Promise<number> {
  let sum = 0
  for (const node of nodes) {
    for (const error of ['MOVED', 'ASK', 'TRYAGAIN']) {
      const field = await node.info(`errorstat_${error}`).catch(() => '')
      sum += Number(/count=(\d+)/.exec(field)?.[1] ?? 0)
    }
  }
  return sum
}
