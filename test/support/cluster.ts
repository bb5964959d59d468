import { freePort } from './free-port.ts'
import { type RedisProcess, startRedisProcess } from './redis-process.ts'
import { REPLICATION_ARGS } from './replication.ts'
import { until } from './until.ts'

const SLOTS = 16_384

/** A cluster of three masters, each with a replica. */
export interface TestCluster {
  /** `redis+cluster://host:port,…` with all nodes. */
  readonly url: string
  /** The masters of the start, and then the replica of each in the same order. */
  readonly nodes: readonly RedisProcess[]
  /** The master that serves a slot. */
  ownerOf(slot: number): Promise<RedisProcess>
  /** The masters by the word of the first node that answers. */
  masters(): Promise<RedisProcess[]>
  /** Moves a slot with what is in it to another master, as `redis-cli --cluster reshard` does; how many keys went. */
  moveSlot(slot: number, to: RedisProcess): Promise<number>
  /** Waits until every node that answers says that all slots are served. */
  healthy(withinMs?: number): Promise<void>
  stop(): Promise<void>
}

/** Starts six nodes on free ports. `nodeTimeoutMs` is the time after which a silent node counts as gone. */
export async function startCluster({
  nodeTimeoutMs = 1_000,
}: {
  nodeTimeoutMs?: number
} = {}): Promise<TestCluster> {
  const nodes = await Promise.all(Array.from({ length: 6 }, () => startNode(nodeTimeoutMs)))
  const masters = nodes.slice(0, 3)
  for (const [index, master] of masters.entries()) {
    const from = Math.ceil((SLOTS * index) / 3)
    const to = Math.ceil((SLOTS * (index + 1)) / 3) - 1
    await master.ask('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`)
  }
  const [first, ...others] = nodes as [RedisProcess, ...RedisProcess[]]
  for (const [index, node] of nodes.entries()) await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
  for (const node of others) {
    const bus = String(await node.ask('CONFIG', 'GET', 'cluster-port')).split(',')[1] ?? ''
    await first.ask('CLUSTER', 'MEET', '127.0.0.1', `${node.port}`, bus)
  }
  for (const node of nodes) await until(async () => (await view(node)).length === 6, 20_000)
  for (const [index, replica] of nodes.slice(3).entries()) {
    const id = String(await masters[index]?.ask('CLUSTER', 'MYID'))
    // Refused until the gossip has told of that master.
    await until(async () => (await replica.ask('CLUSTER', 'REPLICATE', id)) === 'OK')
    await until(async () => (await replica.info('master_link_status')) === 'up', 20_000)
  }
  const cluster: TestCluster = {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    async ownerOf(slot) {
      const owner = (await anyView(nodes)).find(({ slots }) =>
        slots.some(([from, to]) => from <= slot && slot <= to),
      )
      return byPort(nodes, owner?.port ?? 0)
    },
    async masters() {
      const known = (await anyView(nodes)).filter(({ flags }) => flags.includes('master'))
      return known.filter(({ flags }) => !flags.includes('fail')).map(({ port }) => byPort(nodes, port))
    },
    async moveSlot(slot, to) {
      const from = await cluster.ownerOf(slot)
      if (from === to) return 0
      const [fromId, toId] = [
        String(await from.ask('CLUSTER', 'MYID')),
        String(await to.ask('CLUSTER', 'MYID')),
      ]
      await to.ask('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', fromId)
      await from.ask('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', toId)
      let moved = 0
      for (;;) {
        const keys = (await from.ask('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '100')) as string[]
        if (keys.length === 0) break
        await from.ask('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '5000', 'KEYS', ...keys)
        moved += keys.length
      }
      // The new owner first: were it the old one, nobody would own the slot for a moment.
      for (const node of [to, from]) await node.ask('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId)
      await until(async () => (await cluster.ownerOf(slot)) === to)
      return moved
    },
    async healthy(withinMs = 20_000) {
      await until(async () => {
        const told = await Promise.all(
          nodes.map(node => node.ask('CLUSTER', 'INFO').then(String, () => null)),
        )
        const answers = told.filter(answer => answer !== null)
        return answers.length > 0 && answers.every(answer => answer.includes('cluster_state:ok'))
      }, withinMs)
    },
    async stop() {
      for (const node of nodes) await node.stop()
    },
  }
  await cluster.healthy()
  return cluster
}

interface Known {
  readonly port: number
  readonly flags: readonly string[]
  readonly slots: readonly (readonly [number, number])[]
}

async function startNode(nodeTimeoutMs: number): Promise<RedisProcess> {
  const [port, bus] = [await freePort(), await freePort()]
  const args = [
    ...['--port', `${port}`, '--save', '', '--appendonly', 'no'],
    ...REPLICATION_ARGS,
    ...['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-announce-ip', '127.0.0.1'],
    ...['--cluster-node-timeout', `${nodeTimeoutMs}`, '--cluster-allow-replica-migration', 'no'],
  ]
  return startRedisProcess({ port, args: () => args })
}

/** `CLUSTER NODES` of a node: id, address, flags, master, two moments, epoch, link, slots. */
async function view(node: RedisProcess): Promise<Known[]> {
  const lines = String(await node.ask('CLUSTER', 'NODES'))
    .trim()
    .split('\n')
  return lines.map(line => {
    const [, address = '', flags = '', , , , , , ...slots] = line.split(' ')
    return {
      port: Number(/:(\d+)@/.exec(address)?.[1] ?? 0),
      flags: flags.split(','),
      slots: slots
        // A slot on its way is written in brackets.
        .filter(range => !range.startsWith('['))
        .map(range => {
          const [from = '', to = from] = range.split('-')
          return [Number(from), Number(to)] as const
        }),
    }
  })
}

async function anyView(nodes: readonly RedisProcess[]): Promise<Known[]> {
  for (const node of nodes) {
    try {
      return await view(node)
    } catch {}
  }
  throw new Error('No node answers.')
}

function byPort(nodes: readonly RedisProcess[], port: number): RedisProcess {
  const found = nodes.find(node => node.port === port)
  if (found === undefined) throw new Error(`No node of ours has the port ${port}.`)
  return found
}
