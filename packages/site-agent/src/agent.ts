import { EventEmitter } from 'node:events'
import { CarnetError, type SessionRecord, type Site, sessionHandle } from '@carnet/protocol'
import { type AgentRequest, type Answer, jsonRefusal, pathOf, toRefusal } from './exchange.ts'
import { type Agency, type Place, placeFinder, type Via } from './place.ts'
import { personRefusal, signOutRefusal } from './refusals.ts'
import { begin, callback } from './routes/bounce.ts'
import { handover } from './routes/handover.ts'
import { health } from './routes/health.ts'
import { pixel, pixelRefusal } from './routes/pixel.ts'
import { session } from './routes/session.ts'
import { signIn } from './routes/sign-in.ts'
import { signOut } from './routes/sign-out.ts'
import { type Session, toSession } from './session.ts'
import { type CacheOptions, SessionCache } from './session-cache.ts'
import { unknownSite } from './unlisted.ts'
import { type Outcome, visit } from './visit.ts'

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
