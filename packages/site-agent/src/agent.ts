import { EventEmitter } from 'node:events'
import {
  type AgentStore,
  CarnetError,
  findSite,
  fixedManifest,
  HttpRequests,
  HttpStore,
  isLocalhost,
  type LiveManifest,
  type Manifest,
  MemoryStore,
  openStore,
  ProxyNotice,
  parseSecrets,
  parseTrustProxy,
  Reporter,
  type Secrets,
  type SessionRecord,
  type Signatory,
  Signer,
  type Site,
  sessionHandle,
  watchManifest,
} from '@carnet/protocol'
import { type AgentRequest, type Answer, isNavigation, jsonRefusal, pathOf, toRefusal } from './exchange.ts'
import { type Agency, type AgentLog, type Place, placeFinder, type Via } from './place.ts'
import { refusalPage } from './refusal-page.ts'
import { begin, callback } from './routes/bounce.ts'
import { handover } from './routes/handover.ts'
import { health } from './routes/health.ts'
import { pixel, pixelRefusal } from './routes/pixel.ts'
import { session } from './routes/session.ts'
import { signIn } from './routes/sign-in.ts'
import { signOut } from './routes/sign-out.ts'
import { type Session, toSession } from './session.ts'
import { type CacheOptions, SessionCache } from './session-cache.ts'
import { textsFor } from './texts/languages.ts'
import { unknownSite, unlistedPage } from './unlisted.ts'
import { type Outcome, visit } from './visit.ts'

/** What an agent is made from. */
export interface AgentOptions {
  /** The id of the site in the manifest. */
  site: string
  /** The manifest's file, which is followed as it changes, a manifest, or one that somebody else follows. */
  manifest: string | Manifest | LiveManifest
  /** The site's secrets, newest first, as `carnet site secret <id>` prints them: a list, or separated by commas. Required, though an unset variable may stand here: the error then says so. */
  secrets: string | readonly string[] | undefined
  /**
   * The auth service's store: a Redis URL; the auth service itself, `https://auth.example.com`, where its Redis is out of
   * reach; or `memory:` for the embedded store of this process. Left out, it is the embedded one too, except in
   * production, which asks for it by name.
   */
  store?: string | AgentStore | undefined
  /** Addresses and CIDRs of proxies to believe, separated by commas. Default: `none`. */
  trustProxy?: string | undefined
  /** How many sessions are kept in memory, some 400 bytes each; 0 asks the store at every check. Default: 50,000. */
  cache?: number | undefined
  /**
   * What is said of sessions while the store is away: `refuse`, the default, takes nobody for signed in. `stale` goes on
   * for `staleFor` seconds with those that were known, also of people who have signed out elsewhere meanwhile.
   */
  onStoreDown?: 'refuse' | 'stale' | undefined
  /** Seconds, 1 to 600. Default: 60. */
  staleFor?: number | undefined
  /** Default: nothing is logged. A pino logger fits, and so does `console`. */
  log?: AgentLog | undefined
}

/** What an agent tells the app. */
export interface AgentEvents {
  /** A session began at this site. */
  signin: [event: { session: Session; via: Via }]
  /**
   * A session was signed out, here or anywhere, or ended by the auth service: `id` is that of `Session`. For one session
   * perhaps more than once, and not while the store is away: whoever comes with a session has been asked for all the same.
   */
  signout: [event: { id: string }]
}

const NO_ADDRESS = jsonRefusal(new CarnetError('invalid_input', 'The request names no address.'))

/** Whether a request target is one that frameworks can parse. */
function isAddress(target: string): boolean {
  return target.startsWith('/') || target === '*' || URL.canParse(target)
}

type Step = (place: Place, request: AgentRequest) => Promise<Answer>

interface Route {
  readonly GET?: Step
  readonly POST?: Step
  readonly refuse: (place: Place, error: CarnetError, request: AgentRequest) => Answer
}

const jsonOnly: Route['refuse'] = (_place, error) => jsonRefusal(error)

const ROUTES = new Map<string, Route>([
  ['/api/auth.gif', { GET: pixel, refuse: (_place, error) => pixelRefusal(error) }],
  ['/api/auth', { GET: callback, refuse: personRefusal }],
  ['/api/signin', { GET: begin, POST: signIn, refuse: personRefusal }],
  ['/api/handover', { GET: handover, refuse: personRefusal }],
  ['/api/session', { GET: session, refuse: jsonOnly }],
  ['/api/healthz', { GET: health, refuse: jsonOnly }],
  ['/api/signout', { POST: signOut, refuse: signOutRefusal }],
])

/** One site's agent: a plain request in, an outcome out. Adapters carry both to and from a web framework. */
export class Agent extends EventEmitter<AgentEvents> {
  readonly #agency: Agency
  readonly #find: (request: AgentRequest) => Place
  readonly #close: () => Promise<void>

  constructor(
    parts: Omit<Agency, 'onSignIn' | 'cache'>,
    { site, kept, close }: { site: Site; kept: CacheOptions; close: () => Promise<void> },
  ) {
    super()
    const told = (tell: () => void) => {
      try {
        tell()
      } catch (error) {
        // What the app makes of it is no fault of the request, whose ticket is spent.
        parts.log.warn({ site: site.id, err: error as Error }, 'listener_failed')
      }
    }
    const ended = (id: string) => told(() => isHandle(id) && this.emit('signout', { id }))
    const cache = new SessionCache(parts.store, kept, ended)
    const onSignIn = (sid: string, record: SessionRecord, via: Via) =>
      told(() => this.emit('signin', { session: toSession(sessionHandle(sid), record), via }))
    this.#agency = { ...parts, cache, onSignIn }
    this.#find = placeFinder(this.#agency, site)
    this.#close = async () => {
      await cache.close()
      await close()
    }
  }

  /** Answers the agent's own routes; elsewhere says who visits. At once where nothing has to be asked of the store. Never throws: a fault becomes an answer, or a visit that nothing can be asked of. */
  handle(request: AgentRequest): Outcome | Promise<Outcome> {
    const place = this.#find(request)
    const own = request.target.startsWith('/api/') ? ROUTES.get(pathOf(request.target)) : undefined
    if (own !== undefined) return this.#answer(place, request, own)
    return isAddress(request.target) ? visit(place, request) : { answer: NO_ADDRESS }
  }

  /** Whether an address is one of the agent's own. */
  owns(target: string): boolean {
    return ROUTES.has(pathOf(target))
  }

  async #answer(place: Place, request: AgentRequest, own: Route): Promise<Outcome> {
    try {
      // HEAD is another method: it must spend nothing.
      const step = request.method === 'GET' || request.method === 'POST' ? own[request.method] : undefined
      if (step === undefined) return { answer: methodRefusal(place, request, own) }
      // A probe must not take the whole app out of service for it.
      if (!place.listed && step !== health) throw unknownSite()
      return { answer: await step(place, request) }
    } catch (error) {
      const refusal = toRefusal(error)
      place.log.warn(
        { site: place.site.id, code: refusal.code, ...(refusal.status >= 500 && { err: refusal }) },
        'request_refused',
      )
      return { answer: own.refuse(place, refusal, request) }
    }
  }

  /** Lets go of the store and of the manifest's file, where the agent opened them itself. */
  async close(): Promise<void> {
    await this.#close()
  }
}

/**
 * Makes the agent of a site. Throws a `TypeError` for options that cannot work, and `ManifestError` for a faulty
 * manifest; a store that is away is no fault: the agent starts and waits for it.
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const log: AgentLog = options.log ?? { info: () => {}, warn: () => {} }
  const manifest = openManifest(options.manifest, log)
  try {
    const site = findSite(manifest.current, options.site)
    if (site === null) {
      const known = manifest.current.sites.map(({ id }) => id).join(', ')
      throw new TypeError(`The manifest has no site "${options.site}". It has: ${known}.`)
    }
    const secrets = readSecrets(options)
    const signer = new Signer(secrets, site.id)
    const trust = parseTrustProxy(options.trustProxy ?? 'none')
    const proxies = new ProxyNotice(trust, peer => log.warn({ site: site.id, peer }, 'proxy_untrusted'))
    // Before the store is opened: what is open keeps the process alive.
    const kept = cacheOptions(options)
    const given = typeof options.store === 'object' ? options.store : null
    const store =
      given ??
      (await openOwnStore(options.store as string | undefined, {
        manifest: manifest.current,
        signatory: { site: site.id, secrets },
        log,
      }))
    const reporter = new Reporter(store, site.id)
    const asked = signedRequests(options.store, manifest, { site: site.id, secrets })
    const { authService } = asked
    const parts = { siteId: site.id, manifest, store, signer, trust, proxies, log, reporter, authService }
    const close = async () => {
      manifest.close()
      await reporter.flush()
      asked.close()
      // The embedded store is the whole process's, not ours to close.
      if (given === null && !(store instanceof MemoryStore)) await store.close()
    }
    return new Agent(parts, { site, kept, close })
  } catch (error) {
    manifest.close()
    throw error
  }
}

function cacheOptions({ cache = 50_000, onStoreDown = 'refuse', staleFor = 60 }: AgentOptions): CacheOptions {
  if (!Number.isSafeInteger(cache) || cache < 0 || cache > 10_000_000) {
    throw new TypeError('`cache` must be a number of sessions, 0 to 10,000,000.')
  }
  if (onStoreDown !== 'refuse' && onStoreDown !== 'stale') {
    throw new TypeError("`onStoreDown` must be 'refuse' or 'stale'.")
  }
  if (!(staleFor >= 1 && staleFor <= 600)) throw new TypeError('`staleFor` must be 1 to 600 seconds.')
  if (onStoreDown === 'stale' && cache === 0) {
    throw new TypeError("`onStoreDown: 'stale'` needs a `cache` to serve from.")
  }
  return { sessions: cache, staleFor: onStoreDown === 'stale' ? staleFor * 1000 : 0 }
}

function openManifest(source: string | Manifest | LiveManifest, log: AgentLog): LiveManifest {
  if (typeof source !== 'string') return 'current' in source ? borrowed(source) : fixedManifest(source)
  return watchManifest(source, {
    changed: () => log.info({ file: source }, 'manifest_changed'),
    refused: error => log.warn({ file: source, reason: error.message }, 'manifest_refused'),
  })
}

/** Somebody else's, not ours to close. */
function borrowed(manifest: LiveManifest): LiveManifest {
  return {
    get current() {
      return manifest.current
    },
    close: () => {},
  }
}

function readSecrets({ site, secrets }: AgentOptions): Secrets {
  try {
    return parseSecrets(secrets ?? '')
  } catch (error) {
    throw new TypeError(
      `\`secrets\`: ${(error as Error).message} Print them with: carnet site secret ${site}`,
    )
  }
}

async function openOwnStore(
  url: string | undefined,
  { manifest, signatory, log }: { manifest: Manifest; signatory: Signatory; log: AgentLog },
): Promise<AgentStore> {
  const onError = (error: Error) => log.warn({ reason: reasonOf(error) }, 'store_error')
  if (url !== undefined && /^https?:/.test(url)) {
    const store = new HttpStore(url, signatory, onError)
    await store.settled(2_000)
    return store
  }
  const production = process.env['NODE_ENV'] === 'production' || !isLocalhost(new URL(manifest.auth).hostname)
  if (url === undefined && production) {
    throw new TypeError(
      "`store` is missing: give the URL of the auth service's Redis, that of the auth service itself, or 'memory:' where it runs in this very process.",
    )
  }
  if (url === undefined) {
    process.emitWarning(
      'No `store` is named: this agent sees only the sessions of an auth service in this very process.',
      {
        type: 'CarnetWarning',
      },
    )
  }
  return openStore(url ?? 'memory:', onError)
}

/** The way to the auth service itself, at the address of the store where that is one; made when it is first gone. */
function signedRequests(
  store: AgentOptions['store'],
  manifest: LiveManifest,
  signatory: Signatory,
): { authService: () => HttpRequests; close: () => void } {
  let requests: HttpRequests | null = null
  return {
    authService() {
      const isAddress = typeof store === 'string' && /^https?:/.test(store)
      requests ??= new HttpRequests(isAddress ? store : manifest.current.auth, signatory)
      return requests
    },
    close: () => requests?.close(),
  }
}

/** What a connection says by itself says more than what is made of it for people. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error ? cause.message : message
}

function isHandle(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

function methodRefusal(place: Place, request: AgentRequest, { GET, POST, refuse }: Route): Answer {
  const allow = [GET && 'GET', POST && 'POST'].filter(Boolean).join(', ')
  const refusal = refuse(
    place,
    new CarnetError('method_not_allowed', `This address takes ${allow} only.`),
    request,
  )
  return { ...refusal, headers: { ...refusal.headers, Allow: allow } }
}

/** A sign-out may have come half way: nothing is said of what has changed. */
function signOutRefusal(place: Place, error: CarnetError, request: AgentRequest): Answer {
  if (!isNavigation(request)) return jsonRefusal(error)
  if (error.status < 500) return personRefusal(place, error, request)
  const texts = textsFor(request)
  const on = { label: texts.back(place.site.name), href: '/' }
  return refusalPage(place, error, {
    language: texts.tag,
    title: texts.away.title,
    text: texts.away.signOut,
    on,
  })
}

function personRefusal(place: Place, error: CarnetError, request: AgentRequest): Answer {
  if (request.method === 'POST' && !isNavigation(request)) return jsonRefusal(error)
  if (error.code === 'unknown_site') return unlistedPage(place, request)
  const texts = textsFor(request)
  const on = { label: texts.back(place.site.name), href: '/' }
  if (error.status >= 500) {
    const text = error.code === 'store_unavailable' ? texts.away.store : texts.away.other
    return refusalPage(place, error, { language: texts.tag, title: texts.away.title, text, on })
  }
  const { title } = request.method === 'POST' ? texts.other : texts.address
  return refusalPage(place, error, { language: texts.tag, title, text: error.message, on })
}
