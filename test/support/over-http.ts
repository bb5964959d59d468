import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAuthService } from '@carnet/auth-service'
import {
  fixedManifest,
  HttpStore,
  type Manifest,
  parseManifest,
  parseSecrets,
  type Store,
  siteOfTicket,
  siteSecrets,
} from '@carnet/protocol'
import { pino } from 'pino'

/** An auth service that gives a store to agents over HTTP. */
export interface StoreService {
  readonly url: string
  readonly port: number
  readonly manifest: Manifest
  /** The store as an agent of this site has it, one for each site. */
  storeOf(site: string): HttpStore
  /** Somebody who can sign in. */
  addUser(): Promise<{ email: string; password: string }>
  close(): Promise<void>
}

const SECRETS = parseSecrets('a secret of the tests that is long enough')

/** The secrets of a site of such a service. */
export function secretsOf(site: string): [string, ...string[]] {
  return [...siteSecrets(SECRETS, site)] as [string, ...string[]]
}

/** Starts one over a store, for sites of these ids. `reach` gives the port that agents ask, where that is another one. */
export async function startStoreService(
  store: Store,
  { sites = ['shop', 'news'], reach = async port => port, signInForm = false }: StoreServiceOptions = {},
): Promise<StoreService> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://auth.localhost:${await reach(port)}`
  const list = sites.map(
    id => `  - { id: ${id}, origin: "http://${id}.localhost:4001", signInForm: ${signInForm} }`,
  )
  const manifest = parseManifest(`auth: ${url}\nsites:\n${list.join('\n')}\n`, 'sites.yaml')
  const service = await createAuthService({
    manifest: fixedManifest(manifest),
    store,
    databaseUrl: 'sqlite::memory:',
    secrets: SECRETS,
    log: pino({ level: 'silent' }),
    passwordCost: 4,
  })
  server.on('request', service.app.callback())
  const stores = new Map<string, HttpStore>()
  return {
    url,
    port,
    manifest,
    storeOf(site) {
      const known = stores.get(site) ?? new HttpStore(url, { site, secrets: secretsOf(site) })
      stores.set(site, known)
      return known
    },
    async addUser() {
      const user = { email: 'lin@example.com', password: 'seven purple kettles sing' }
      await service.users.add({ ...user, name: 'Lin', emailVerified: true })
      return user
    },
    async close() {
      await Promise.all([...stores.values()].map(each => each.close()))
      await service.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** How to start it. */
export interface StoreServiceOptions {
  sites?: readonly string[]
  reach?: (port: number) => Promise<number>
  /** Whether sites may take passwords. Default: false. */
  signInForm?: boolean
}

/** All verbs: those that agents use go over HTTP, the others straight to the store beneath. */
export function overHttp(store: Store, service: StoreService): Store {
  const agent = service.storeOf('shop')
  // What the suite starts counts as taken to the site that the suite is.
  const admit = (sid: string) => store.admit(sid, 'shop', store.now() + 3_600_000)
  const verbs: Partial<Store> = {
    now: () => agent.now(),
    read: sid => agent.read(sid),
    touch: touches => agent.touch(touches),
    redeem: ticket => service.storeOf(siteOfTicket(ticket) ?? '').redeem(ticket),
    burn: ticket => service.storeOf(siteOfTicket(ticket) === 'shop' ? 'news' : 'shop').burn(ticket),
    watch: watcher => agent.watch(watcher),
    report: (site, reports) => service.storeOf(site).report(site, reports),
    ping: () => agent.ping(),
    async start(sid, session, until) {
      await admit(sid)
      return store.start(sid, session, until)
    },
    async revoke(sid, revocation) {
      if (revocation.noted) return store.revoke(sid, revocation)
      await admit(sid)
      return agent.revoke(sid)
    },
  }
  return new Proxy(store, {
    get(target, name) {
      const verb = verbs[name as keyof Store] ?? target[name as keyof Store]
      return typeof verb === 'function' ? verb.bind(target) : verb
    },
  })
}
