#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { ManifestError } from '@carnet/protocol'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config.ts'
import { redactor } from '../redact.ts'
import { agentCommand } from './agent.ts'
import { audit } from './audit.ts'
import { check } from './check.ts'
import { credentials } from './credentials.ts'
import { deploy } from './deploy.ts'
import { doctor } from './doctor.ts'
import { migrateCommand } from './migrate.ts'
import { redisAcl } from './redis-acl.ts'
import { serveCommand } from './serve.ts'
import { session } from './session.ts'
import { site } from './site.ts'
import { user } from './user.ts'

const manifestOfPackage = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(manifestOfPackage) as { version: string }

const program = new Command('carnet')
  .version(version, '--version')
  .description('Sign people in once across your domains, and out everywhere.')
  .addHelpText(
    'after',
    `
Environment:
  CARNET_MANIFEST      the manifest (default: deploy/sites.yaml)
  CARNET_REDIS_URL     redis://, redis+sentinel://h1,h2/name, redis+cluster://h1,h2, each with rediss for TLS;
                       memory: or unset is the embedded store
  CARNET_DATABASE_URL  sqlite:FILE (default: sqlite:./data/carnet.sqlite), or postgres://user@host/name
  CARNET_SECRETS       32 bytes or more each, newest first, separated by commas
  CARNET_SMTP_URL, CARNET_MAIL_FROM
                       smtp://user:password@host:587, and the sender; without, outside production, /dev/mail
  CARNET_TRUST_PROXY   none, or addresses and CIDRs of your proxies
  CARNET_HOST, CARNET_PORT, CARNET_LOG_LEVEL, CARNET_DATA_DIR
                       127.0.0.1, 4000, info, ./data

Begin with:
  carnet check         is the manifest right?
  carnet user add ada@example.com
  carnet serve
  carnet doctor        is all well?`,
  )
  .showHelpAfterError('(carnet --help says more)')
  .exitOverride()

for (const command of [
  serveCommand(),
  agentCommand(),
  check(),
  doctor(),
  migrateCommand(),
  site(),
  user(),
  session(),
  audit(),
  credentials(),
  redisAcl(),
  deploy(),
]) {
  program.addCommand(command.copyInheritedSettings(program))
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

/** Says what went wrong, in lines that say what to do, and without a password; the exit code is the answer. */
function report(error: unknown): number {
  const redact = redactor(process.env)
  if (error instanceof CommanderError) return error.exitCode
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    console.error(
      `${redact((error as Error).message)}. Something listens there already; choose another CARNET_PORT.`,
    )
    return 1
  }
  if (['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT'].includes(String((error as NodeJS.ErrnoException).code))) {
    console.error(
      `The database does not answer: ${redact((error as Error).message)}. See to CARNET_DATABASE_URL.`,
    )
    return 1
  }
  const expected = error instanceof ConfigError || error instanceof ManifestError || error instanceof Error
  console.error(redact(expected ? (error as Error).message : String(error)))
  return 1
}
