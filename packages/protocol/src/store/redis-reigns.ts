import { type Cluster, Command, Redis } from 'ioredis'
import { reignKey } from './keys.ts'
import { answered, unavailable } from './redis-answers.ts'

const KEPT_FOR_MS = 7 * 86_400_000
const LOOK_AGAIN_MS = 100

/**
 * A master's time in office: from its start or promotion to its end. Redis names it anew each time (the replication id),
 * so what was known under one reign and lost before the next is noticed.
 */
export interface Reign {
  readonly id: string
  /** Whether the auth service has replayed to it what the reign before may have lost. */
  readonly inOrder: boolean
  /** Whether it has, or had, replicas. */
  readonly replicated: boolean
  /** Whether it writes down each change before long (an append-only file), so that a restart loses none. */
  readonly keepsLog: boolean
  /** Whether it throws away what it holds when its memory is full. */
  readonly evicts: boolean
}

/** Which masters this process reaches, and under which reigns. */
export class Reigns {
  readonly #redis: Redis | Cluster
  readonly #expectsReplicas: boolean
  readonly #begun: () => void
  readonly #known = new Map<string, Reign>()
  readonly #learning = new Map<string, Promise<Reign>>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #replayingTo = new Set<string>()
  /** Reigns that this process has replayed to. */
  readonly #met = new Set<string>()
  #replay: (() => Promise<void>) | null = null
  #closed = false
  /** Counts the connections that ended: what was asked before proves nothing of what is there now. */
  #ended = 0

  /** `begun` is called whenever a reign was met first. */
  constructor(
    redis: Redis | Cluster,
    { expectsReplicas, begun }: { expectsReplicas: boolean; begun: () => void },
  ) {
    this.#redis = redis
    this.#expectsReplicas = expectsReplicas
    this.#begun = begun
    if (redis instanceof Redis) {
      redis.on('ready', () => this.#learnSoon(''))
      redis.on('close', () => this.#forget(''))
      return
    }
    redis.on('ready', () => this.#learnAll())
    redis.on('+node', (node: Redis) => node.on('close', () => this.#forget(addressOf(node))))
    redis.on('refresh', () => {
      if (redis.status !== 'ready') return
      // A node that was demoted may come back with a past: it is looked at again.
      const masters = new Set(redis.nodes('master').map(addressOf))
      for (const address of this.#known.keys()) if (!masters.has(address)) this.#forget(address)
      this.#learnAll()
    })
  }

  /** The address of the master that a key lies at; '' where there is only one. */
  masterOf(key: string, redis: Redis | Cluster = this.#redis): string {
    if (redis instanceof Redis) return ''
    return redis.slots[new Command('get', [key]).getSlot() ?? -1]?.[0] ?? ''
  }

  /** The reign that a key is under. Throws `store_unavailable` where it is unknown or not in order yet. */
  async of(key: string): Promise<Reign> {
    const address = this.masterOf(key)
    const reign = this.#known.get(address) ?? (await this.#learn(address))
    if (!reign.inOrder)
      throw unavailable(new Error('This master has not been put in order since it took office.'))
    return reign
  }

  /** The reign that a key is under, as that master is now: one that took office without replicas may have been given some since. */
  async asOfNow(key: string): Promise<Reign> {
    const reign = await this.of(key)
    return reign.replicated ? reign : this.#learn(this.masterOf(key))
  }

  /** The reign that a key is under, without asking: null where that is needed. */
  inOrder(key: string): Reign | null {
    const reign = this.known(key)
    return reign?.inOrder === true ? reign : null
  }

  /** What is known of the reign that a key is under. */
  known(key: string): Reign | null {
    return this.#known.get(this.masterOf(key)) ?? null
  }

  /** All masters. Throws `store_unavailable` where one is not in order. */
  async all(): Promise<Reign[]> {
    return this.#each(async at => this.#known.get(at) ?? (await this.#learn(at)))
  }

  /** Looks again at the master of a key: somebody says that it reigns under another name. */
  lookAgain(key: string): void {
    this.#learnSoon(this.masterOf(key))
  }

  /** Whether a master is known to throw away what it holds when its memory is full. */
  evicts(): boolean {
    return [...this.#known.values()].some(({ evicts }) => evicts)
  }

  /** Puts masters in order from now on, by `replay`. */
  keep(replay: () => Promise<void>): void {
    this.#replay = replay
    for (const [address, { inOrder }] of this.#known) {
      if (inOrder) continue
      this.#known.delete(address)
      this.#learnSoon(address)
    }
  }

  /**
   * Says again which reigns are in order; also shows that the masters take writes. Each is looked at anew: a master that
   * gets its first replica, or has been without one for an hour, takes another name while its connections stay.
   */
  async confirm(): Promise<void> {
    for (const { id } of await this.#each(at => this.#learn(at))) await this.#noteOrder(id)
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  async #each(look: (address: string) => Promise<Reign>): Promise<Reign[]> {
    const addresses = this.#redis instanceof Redis ? [''] : this.#redis.nodes('master').map(addressOf)
    if (addresses.length === 0) throw unavailable(new Error('No master is known.'))
    const reigns = await Promise.all(addresses.map(look))
    if (reigns.some(({ inOrder }) => !inOrder)) throw unavailable(new Error('A master is not in order yet.'))
    return reigns
  }

  #forget(address: string): void {
    this.#ended++
    this.#known.delete(address)
  }

  #learnAll(): void {
    if (this.#redis instanceof Redis) return
    for (const node of this.#redis.nodes('master')) {
      if (!this.#known.has(addressOf(node))) this.#learnSoon(addressOf(node))
    }
  }

  #learnSoon(address: string): void {
    // Who needs to know asks again; what is wrong is told there.
    this.#learn(address).catch(() => this.#learnLater(address))
  }

  #learnLater(address: string): void {
    if (this.#closed || this.#timers.has(address)) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(address)
        const master = this.#at(address)
        // Of one that is gone nothing is to be learnt; one that comes back says so.
        if (master === undefined || (master === this.#redis && master.status !== 'ready')) return
        if (this.#known.get(address)?.inOrder === true) return
        this.#known.delete(address)
        this.#learnSoon(address)
      },
      LOOK_AGAIN_MS * (1 + Math.random()),
    ).unref()
    this.#timers.set(address, timer)
  }

  #learn(address: string): Promise<Reign> {
    const underWay = this.#learning.get(address)
    if (underWay !== undefined) return underWay
    const learning = this.#lookAt(address).finally(() => this.#learning.delete(address))
    this.#learning.set(address, learning)
    return learning
  }

  async #lookAt(address: string): Promise<Reign> {
    const endedBefore = this.#ended
    const master = this.#at(address)
    if (master === undefined) throw unavailable(new Error('No master is known for this key.'))
    const info = await infoOf(master)
    const id = info.get('master_replid') ?? ''
    if (info.get('role') !== 'master' || id === '') throw unavailable(new Error('This server is no master.'))
    const before = this.#known.get(address)
    const replicated = this.#expectsReplicas || hasReplicas(info) || before?.replicated === true
    const inOrder = (await answered(this.#redis.exists(reignKey(id)))) === 1
    if (this.#ended !== endedBefore) throw unavailable(new Error('The masters have changed meanwhile.'))
    const evicts = !['noeviction', undefined].includes(info.get('maxmemory_policy'))
    const keepsLog = info.get('aof_enabled') === '1'
    const reign = { id, inOrder, replicated, keepsLog, evicts }
    this.#known.set(address, reign)
    if (before?.id !== id) this.#begun()
    // Nobody waits for a replay, which may take long: until it has run, the master is out of order. One that another
    // process has put in order is brought what only this one knows: what it has ended beside a master that was cut off.
    if (!this.#met.has(id)) void this.#putInOrder(address, reign)
    if (!inOrder) this.#learnLater(address)
    return reign
  }

  async #putInOrder(address: string, reign: Reign): Promise<void> {
    if (this.#replay === null || this.#replayingTo.has(reign.id)) return
    this.#replayingTo.add(reign.id)
    try {
      await this.#replay()
      await this.#noteOrder(reign.id)
      this.#met.add(reign.id)
      if (this.#known.get(address)?.id === reign.id) this.#known.set(address, { ...reign, inOrder: true })
    } catch {
      // Whoever looks next finds it out of order, and tries again.
    } finally {
      this.#replayingTo.delete(reign.id)
    }
  }

  async #noteOrder(id: string): Promise<void> {
    await answered(this.#redis.set(reignKey(id), '1', 'PX', KEPT_FOR_MS))
  }

  #at(address: string): Redis | undefined {
    if (this.#redis instanceof Redis) return this.#redis
    return this.#redis.nodes('master').find(node => addressOf(node) === address)
  }
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}

/** What a server says of its replication, its memory and what it writes down. */
async function infoOf(server: Redis): Promise<Map<string, string>> {
  const lines = (await answered(server.info('replication', 'memory', 'persistence'))).split('\r\n')
  return new Map(lines.map(line => line.split(':', 2) as [string, string]))
}

function hasReplicas(info: Map<string, string>): boolean {
  return Number(info.get('connected_slaves')) > 0
}
