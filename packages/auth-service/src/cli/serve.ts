import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { stopOnSignal } from '../listen.ts'

/** `carnet serve` */
export function serveCommand(): Command {
  return new Command('serve').description('run the auth service until SIGTERM or Ctrl-C').action(async () => {
    // The other commands start in half the time without it.
    const { serve } = await import('../main.ts')
    const running = await serve(loadConfig(process.env))
    stopOnSignal(running.close)
  })
}
