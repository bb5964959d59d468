import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { stopOnSignal } from '../listen.ts'
import { serve } from '../main.ts'

/** `carnet serve` */
export function serveCommand(): Command {
  return new Command('serve').description('run the auth service until SIGTERM or Ctrl-C').action(async () => {
    const running = await serve(loadConfig(process.env))
    stopOnSignal(running.close)
  })
}
