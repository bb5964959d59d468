import { type Config, ConfigError, loadConfig } from '../config.ts'
import { redactor } from '../redact.ts'
import { examineDatabase } from './database.ts'
import { about, type Finding } from './finding.ts'
import { examineMail } from './mail.ts'
import { examineManifest } from './manifest.ts'
import { examineLimits, examineStore } from './redis.ts'
import { walkRound } from './round.ts'
import { examineRunning } from './running.ts'
import { examineSites } from './sites.ts'
import { examineTls } from './tls.ts'

/** What is to be looked at. */
export interface DiagnosisOptions {
  /** Whether a temporary account is signed in and out. Default: true. */
  readonly round?: boolean
  /** Ends the round early; what it has made is removed. */
  readonly signal?: AbortSignal
}

/**
 * Looks at a whole deployment, as the service's environment names it, and changes nothing but what a first start would
 * make; what the round makes it removes. No finding shows a secret.
 */
export async function diagnose(env: NodeJS.ProcessEnv, options: DiagnosisOptions = {}): Promise<Finding[]> {
  const redact = redactor(env)
  const findings = await examine(env, options)
  return findings.map(finding => ({ ...finding, says: redact(finding.says) }))
}

async function examine(env: NodeJS.ProcessEnv, options: DiagnosisOptions): Promise<Finding[]> {
  const { ok, warning, fault } = about('configuration')
  let config: Config
  try {
    config = loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [...error.faults.map(fault), warning('The rest can be looked at once the configuration works.')]
  }
  const [running, sites, ...parts] = await Promise.all([
    examineRunning(config),
    examineSites(config),
    ...[examineStore, examineLimits, examineDatabase, examineMail, examineTls].map(part => part(config)),
  ])
  const { round = true, signal = new AbortController().signal } = options
  return [
    ok('it works'),
    ...examineManifest(config, env['NODE_ENV']),
    ...parts.flat(),
    ...running.findings,
    ...sites.findings,
    ...(round && !signal.aborted
      ? await roundIn(config, running.serves, () => walkRound(config, sites.open, signal))
      : []),
  ]
}

async function roundIn(
  { manifest }: Config,
  serves: boolean,
  walk: () => Promise<Finding[]>,
): Promise<Finding[]> {
  if (serves) return walk()
  return [about('round').warning(`left out: the service has to be ready at ${manifest.auth} first.`)]
}
