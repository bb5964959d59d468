import { type Config, ConfigError, loadConfig } from '../config.ts'
import { examineDatabase } from './database.ts'
import { about, type Finding } from './finding.ts'
import { examineManifest } from './manifest.ts'
import { examineLimits, examineStore } from './redis.ts'
import { examineRunning } from './running.ts'

/** Looks at a whole installation, as its environment names it, and changes nothing but what a first start would make. */
export async function diagnose(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { ok, warning, fault } = about('configuration')
  let config: Config
  try {
    config = loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [...error.faults.map(fault), warning('The rest can be looked at once the configuration works.')]
  }
  const parts = [examineStore, examineLimits, examineDatabase, examineRunning].map(examine => examine(config))
  return [ok('it works'), ...examineManifest(config, env['NODE_ENV']), ...(await Promise.all(parts)).flat()]
}
