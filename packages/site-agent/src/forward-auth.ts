import { CarnetError, returnTarget } from '@carnet/protocol'
import type { Agent } from './agent.ts'
import { type AgentRequest, type Answer, answer, pathOf, redirect } from './exchange.ts'
import { checkRequired, type Required } from './required.ts'
import type { Session } from './session.ts'
import type { Visit } from './visit.ts'

// A proxy asks about a request before it lets that pass. nginx understands yes, 401 and 403 alone: it is told where to
// send the browser for the whole answer, which other proxies copy.

/** Where a proxy asks. */
export const VERIFY = '/api/verify'
/** Where a browser is sent that a proxy of few words was told no about. */
export const ENTER = '/api/enter'

interface Rule {
  readonly required: Required
  /** True: who is signed out passes too. */
  readonly optional: boolean
  readonly proxy: 'nginx' | 'any'
}

/**
 * The answer to a proxy: 200 with `X-Carnet-*` where the request may pass, else what the browser is to get. Throws
 * `invalid_input` for what the operator got wrong.
 */
export async function verify(agent: Agent, request: AgentRequest): Promise<Answer> {
  const rule = ruleOf(request.target)
  const original = originalOf(request)
  refuseQuery(request.target, original.target)
  // It could be answered here, and then 200 would mean that anybody may pass.
  if (agent.owns(original.target)) {
    const path = pathOf(original.target)
    throw new CarnetError('invalid_input', `${path} is the agent's own: let the proxy pass it to the agent.`)
  }
  const judged = await judge(agent, original, rule)
  if ('visit' in judged) return passing(judged.visit)
  return rule.proxy === 'nginx' ? enterBy(request) : judged.refused
}

/** The answer to the browser behind a request that may not pass; back to the page where it may by now. Throws `invalid_input`. */
export async function enter(agent: Agent, origin: string, request: AgentRequest): Promise<Answer> {
  const original = originalOf(request)
  const judged = await judge(agent, original, ruleOf(request.target))
  if ('refused' in judged) return judged.refused
  if (original.method !== 'GET' && original.method !== 'HEAD') {
    throw new CarnetError('store_unavailable', 'Try again.')
  }
  const page = returnTarget(original.target, origin, [origin], Number.POSITIVE_INFINITY)
  return redirect(303, page?.href ?? `${origin}/`, judged.visit.cookies)
}

async function judge(
  agent: Agent,
  original: AgentRequest,
  { required, optional }: Rule,
): Promise<{ readonly refused: Answer } | { readonly visit: Visit }> {
  const outcome = await agent.handle(original)
  if (outcome.answer !== null) return { refused: outcome.answer }
  const { visit } = outcome
  const refused = optional ? null : visit.require(required)
  if (refused === null) return { visit }
  return { refused: { ...refused, cookies: [...visit.cookies, ...refused.cookies] } }
}

// In the path, since proxies may hand on the query of the request itself.
const FLAGS = ['nginx', 'optional', 'verified']
const VALUES = ['role', 'max_age']

/** The rule below `VERIFY` or `ENTER`: `/nginx/role=admin/max_age=10m`. */
function ruleOf(target: string): Rule {
  const rule = new Map<string, string>()
  for (const part of pathOf(target).split('/').slice(3)) {
    const [name = '', ...rest] = part.split('=')
    const value = decoded(rest.join('='))
    const isKnown = rest.length === 0 ? FLAGS.includes(name) : VALUES.includes(name) && value !== ''
    // Passed over, a misspelt rule would let everybody pass.
    if (!isKnown || rule.has(name)) {
      throw invalid(`it is followed by /nginx, /optional, or /verified, /role=admin, /max_age=10m, each once`)
    }
    rule.set(name, value)
  }
  const [role, age] = [rule.get('role'), rule.get('max_age')]
  const optional = rule.has('optional')
  if (optional && (rule.has('verified') || role !== undefined || age !== undefined)) {
    throw invalid('optional goes with no other rule')
  }
  return {
    required: requiredOf(rule.has('verified'), role, age),
    optional,
    proxy: rule.has('nginx') ? 'nginx' : 'any',
  }
}

function requiredOf(verified: boolean, role: string | undefined, age: string | undefined): Required {
  const maxAge = age !== undefined && /^\d{1,8}$/.test(age) ? Number(age) : age
  try {
    return checkRequired({
      verified,
      ...(role !== undefined && { role }),
      ...(maxAge !== undefined && { maxAge }),
    })
  } catch {
    throw invalid('max_age is a duration such as 10m, or a number of seconds')
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}

/** A rule in the query, which another would have to be told from, holds nowhere: better nobody passes. */
function refuseQuery(target: string, original: string): void {
  const query = target.slice(pathOf(target).length)
  if (query === '' || query === original.slice(pathOf(original).length)) return
  const names = [...new URLSearchParams(query).keys()]
  if (names.some(name => FLAGS.includes(name) || VALUES.includes(name) || name === 'for')) {
    throw invalid('rules are written into the path: /role=admin')
  }
}

function invalid(what: string): CarnetError {
  return new CarnetError('invalid_input', `${VERIFY}: ${what}.`)
}

/** The request that the proxy asks about, by the proxy's word. Only a trusted one may be asked. */
function originalOf({ headers, peer }: AgentRequest): AgentRequest {
  const url = headers['x-original-url']
  const uri =
    headers['x-forwarded-uri'] ?? headers['x-original-uri'] ?? (typeof url === 'string' ? partOf(url) : null)
  const method = headers['x-forwarded-method'] ?? headers['x-original-method']
  if (typeof uri !== 'string' || typeof method !== 'string' || !/^[A-Z]{1,20}$/.test(method)) {
    throw invalid('the proxy has to send X-Forwarded-Method and X-Forwarded-Uri of the request')
  }
  // Proxies keep the header that says so to themselves; clients that are no browsers say nothing else.
  const opensSocket = headers['sec-websocket-key'] !== undefined && headers['sec-fetch-mode'] === undefined
  return {
    method,
    target: uri,
    headers: opensSocket ? { ...headers, 'sec-fetch-mode': 'websocket' } : headers,
    peer,
  }
}

function partOf(url: string): string | null {
  if (!URL.canParse(url)) return null
  const { pathname, search } = new URL(url)
  return pathname + search
}

/** With one cookie at most, since proxies can hand on no more: what is left out is set with the next request. */
function passing({ session, cookies }: Visit): Answer {
  return answer(200, '', '', { headers: identity(session), cookies: cookies.slice(0, 1) })
}

function enterBy({ target }: AgentRequest): Answer {
  const rule = pathOf(target)
    .split('/')
    .slice(3)
    .filter(part => part !== 'nginx')
  return answer(401, '', '', { headers: { 'Carnet-Enter': [ENTER, ...rule].join('/') } })
}

/** Who is signed in, for the app behind the proxy; empty for nobody, so that a client's own word is overwritten. */
function identity(session: Session | null): Record<string, string> {
  const { id = '', email = '', name = '', roles = [] } = session?.user ?? {}
  return {
    'X-Carnet-User': headerText(id),
    'X-Carnet-Email': headerText(email),
    'X-Carnet-Name': headerText(name),
    'X-Carnet-Roles': roles.map(role => headerText(role).replaceAll(',', '%2C')).join(','),
  }
}

/** Percent-encoded UTF-8: all but the visible characters of ASCII, and the percent sign. */
function headerText(text: string): string {
  return text.toWellFormed().replace(/[^!-$&-~]+/g, part => encodeURIComponent(part))
}
