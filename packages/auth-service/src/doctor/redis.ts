import { inspectRedis, type RedisFindings, type RedisServer } from '@carnet/protocol'
import type { Config } from '../config.ts'
import { examineClock } from './clock.ts'
import { about, type Finding, plural } from './finding.ts'

const OLDEST = 7

/** The store: whether it is there, lasts, and is shared with nobody. */
export async function examineStore({ storeUrl, production }: Config): Promise<Finding[]> {
  const { ok, warning, fault } = about('redis')
  if (storeUrl === 'memory:') {
    const says = 'none: the embedded store, whose sessions end with the one process that holds them'
    return [production ? warning(`${says}. Set CARNET_REDIS_URL.`) : ok(says)]
  }
  let findings: RedisFindings
  try {
    findings = await inspectRedis(storeUrl)
  } catch (error) {
    return [fault(`cannot be reached: ${(error as Error).message}. See to CARNET_REDIS_URL.`)]
  }
  return [
    ...findings.masters.flatMap(master => [
      ...examineMaster(master, production),
      ...(/\+(sentinel|cluster):/.test(storeUrl) && master.replicas === 0 ? [alone(master)] : []),
    ]),
    examineUser(findings, production),
  ]
}

/** Where tries are counted, where that is a Redis of its own. */
export async function examineLimits({ limitsUrl, storeUrl }: Config): Promise<Finding[]> {
  const { ok, warning } = about('limits')
  if (limitsUrl === storeUrl) return []
  if (limitsUrl === 'memory:') return [ok('each process counts tries by itself')]
  try {
    const { masters } = await inspectRedis(limitsUrl)
    return masters.map(({ address }) => ok(`tries are counted in Redis at ${address}`))
  } catch (error) {
    return [warning(`cannot be reached: ${(error as Error).message}. See to CARNET_LIMITS_REDIS_URL.`)]
  }
}

function examineMaster(master: RedisServer, production: boolean): Finding[] {
  const { ok, warning, fault } = about('redis')
  const { address, version, policy, keepsLog, replicas } = master
  const findings: Finding[] = [
    Number.parseInt(version, 10) >= OLDEST
      ? ok(`${address} is version ${version}`)
      : fault(`${address} is version ${version || 'unknown'}: ${OLDEST} or later is needed.`),
  ]
  if (policy === 'noeviction')
    findings.push(ok(`${address} throws nothing away (maxmemory-policy ${policy})`))
  else {
    const says = `${address} throws sessions away when its memory is full (maxmemory-policy ${policy || 'unknown'}): set noeviction.`
    findings.push(production ? fault(says) : warning(says))
  }
  const kept = [
    ...(replicas > 0 ? [plural(replicas, 'replica')] : []),
    ...(keepsLog ? ['an append-only file'] : []),
  ]
  findings.push(
    kept.length > 0
      ? ok(`${address} keeps sign-outs by ${kept.join(' and ')}`)
      : warning(
          `${address} has no replica and writes no append-only file: a sign-out at a site is confirmed only once a service has noted it in SQL. Set appendonly yes.`,
        ),
  )
  return [...findings, examineClock(`Redis at ${address}`, master.ahead)]
}

/** Who asks for sentinels or a cluster counts on another one. */
function alone({ address }: RedisServer): Finding {
  return about('redis').warning(
    `${address} has no replica that could take over: add one, with min-replicas-to-write 1.`,
  )
}

function examineUser({ user, restricted }: RedisFindings, production: boolean): Finding {
  const { ok, warning } = about('redis')
  const who = user === null ? 'the default user' : `the user ${user}`
  if (restricted === true) return ok(`${who} may do no more than it needs`)
  const says = restricted === false ? `${who} may do everything` : `what ${who} may do could not be seen`
  const todo = 'give each part the user that "carnet redis-acl" prints, or every site can read all sessions.'
  return production ? warning(`${says}: ${todo}`) : ok(says)
}
