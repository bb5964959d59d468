import {
  findSite,
  type LiveManifest,
  type Manifest,
  MemoryStore,
  openStore,
  originsOf,
  type Store,
  watchManifest,
} from '@carnet/protocol'
import type { Agent } from './agent.ts'
import { type AgentsConfig, secretsVariable } from './config.ts'
import { createAgent } from './create-agent.ts'
import type { AgentLog } from './place.ts'

/** The agent of a host, and the origin that the manifest gives it. */
export interface Hosted {
  readonly agent: Agent
  readonly origin: string
}

/** The agents of all sites that a process serves, as the manifest has them now. */
export class Agents {
  readonly #config: AgentsConfig
  readonly #log: AgentLog
  readonly #manifest: LiveManifest
  /** One for all, or the URL that each agent opens a store of its own at. */
  readonly #store: Store | string
  readonly #agents = new Map<string, Agent>()
  #hosts: ReadonlyMap<string, Hosted> = new Map()
  #turn: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(config: AgentsConfig, log: AgentLog, store: Store | string) {
    this.#config = config
    this.#log = log
    this.#store = store
    const file = config.manifestFile
    this.#manifest = watchManifest(file, {
      changed: () => {
        log.info({ file }, 'manifest_changed')
        this.#turn = this.#turn.then(() =>
          this.#follow(error => log.warn({ reason: error.message }, 'site_refused')),
        )
      },
      refused: error => log.warn({ file, reason: error.message }, 'manifest_refused'),
    })
  }

  /** Opens the store and an agent for each site. Throws what `createAgent` throws. */
  static async open(config: AgentsConfig, log: AgentLog): Promise<Agents> {
    const agents = new Agents(config, log, await openShared(config.storeUrl, log))
    try {
      const first = agents.#follow(error => {
        throw error
      })
      agents.#turn = first.catch(() => {})
      await first
      return agents
    } catch (error) {
      await agents.close()
      throw error
    }
  }

  /** The ids of the sites that are served. */
  get sites(): readonly string[] {
    return [...this.#agents.keys()]
  }

  /** Whose host this is; null for nobody's. Ports do not matter, as no two sites share a name. */
  at(host: string): Hosted | null {
    return this.#hosts.get(hostnameOf(host)) ?? null
  }

  /** Of each site whether its agent reaches the store. */
  async ready(): Promise<Record<string, 'ok' | 'unavailable'>> {
    const probe = { method: 'GET', target: '/api/healthz', headers: {}, peer: '' }
    const states = [...this.#agents].map(async ([id, agent]) => {
      const { answer } = await agent.handle(probe)
      return [id, answer?.status === 200 ? 'ok' : 'unavailable'] as const
    })
    return Object.fromEntries(await Promise.all(states))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#manifest.close()
    await this.#turn
    for (const agent of this.#agents.values()) await agent.close()
    // The embedded store is the whole process's, not ours to close.
    if (typeof this.#store !== 'string' && !(this.#store instanceof MemoryStore)) await this.#store.close()
  }

  /** Opens what the manifest has by now, and closes what it has no longer. */
  async #follow(refused: (error: Error) => void): Promise<void> {
    if (this.#closed) return
    const manifest = this.#manifest.current
    for (const id of this.#config.sites ?? manifest.sites.map(site => site.id)) {
      if (this.#agents.has(id) || findSite(manifest, id) === null) continue
      try {
        const agent = await this.#openAgent(id)
        if (agent !== null) this.#agents.set(id, agent)
      } catch (error) {
        refused(error as Error)
      }
    }
    this.#hosts = hostsOf(manifest, this.#agents)
    for (const [id, agent] of this.#agents) {
      if (findSite(manifest, id) !== null) continue
      this.#agents.delete(id)
      await agent.close()
    }
  }

  async #openAgent(site: string): Promise<Agent | null> {
    const secrets = this.#config.secretsOf(site)
    if (secrets === null) {
      const variable = secretsVariable(site)
      this.#log.warn(
        { site, variable },
        `The site is not served: set ${variable}, or name in CARNET_SITE the sites that are.`,
      )
      return null
    }
    const { trustProxy } = this.#config
    return createAgent({
      site,
      secrets,
      manifest: this.#manifest,
      store: this.#store,
      trustProxy,
      log: this.#log,
    })
  }
}

/** One connection for all sites, but where each signs its requests by its own secret. */
async function openShared(url: string, log: AgentLog): Promise<Store | string> {
  if (/^https?:/.test(url)) return url
  return openStore(url, error => log.warn({ reason: error.message }, 'store_error'))
}

function hostsOf(manifest: Manifest, agents: ReadonlyMap<string, Agent>): Map<string, Hosted> {
  const hosts = new Map<string, Hosted>()
  for (const site of manifest.sites) {
    const agent = agents.get(site.id)
    if (agent === undefined) continue
    for (const origin of originsOf(site)) hosts.set(new URL(origin).hostname, { agent, origin })
  }
  return hosts
}

function hostnameOf(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
}
