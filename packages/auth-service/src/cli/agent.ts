import { ENVIRONMENT, runAgents } from '@carnet/site-agent/main'
import { Command } from 'commander'

/** `carnet agent` */
export function agentCommand(): Command {
  return new Command('agent')
    .description('run the agents of sites behind nginx, Caddy and the like, until SIGTERM or Ctrl-C')
    .addHelpText('after', `\n${ENVIRONMENT}`)
    .action(() => runAgents(process.env))
}
