import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, pino } from 'pino'
import { Agents } from './agents.ts'
import { type AgentsConfig, loadAgentsConfig } from './config.ts'
import { agentServer } from './standalone.ts'

export { type AgentsConfig, AgentsConfigError, ENVIRONMENT, loadAgentsConfig } from './config.ts'

const DRAIN_WITHIN_MS = 8_000
const STOP_WITHIN_MS = 10_000

/** A process of agents that runs. */
export interface RunningAgents {
  readonly port: number
  /** Drains and stops, within 10 s. */
  close(): Promise<void>
}

/** Serves the agents as configured, and logs to standard output. */
export async function serveAgents(
  config: AgentsConfig,
  log: Logger = pino({ level: config.logLevel }),
): Promise<RunningAgents> {
  if (config.trustProxy === 'none') {
    log.warn('CARNET_TRUST_PROXY names no proxy: none may ask who a request is from.')
  }
  const agents = await Agents.open(config, log)
  try {
    const server = agentServer(agents, config.trustProxy, log)
    const drain = await listen(server, config)
    const { port } = server.address() as AddressInfo
    log.info({ sites: agents.sites, host: config.host, port }, 'listening')
    return {
      port,
      async close() {
        log.info('draining')
        await drain()
        await agents.close()
        log.info('stopped')
      },
    }
  } catch (error) {
    await agents.close()
    throw error
  }
}

/** Runs the agents that the environment names until SIGTERM or Ctrl-C. Throws `AgentsConfigError` with all faults at once. */
export async function runAgents(env: NodeJS.ProcessEnv): Promise<void> {
  const running = await serveAgents(loadAgentsConfig(env))
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
    running.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** Listens; the way to stop: no new connections, what runs is finished, and what is not finished after 8 s is cut. */
async function listen(server: Server, { host, port }: AgentsConfig): Promise<() => Promise<void>> {
  let draining = false
  server.prependListener('request', (_req, res) => {
    if (draining) res.setHeader('Connection', 'close')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return async function drain() {
    draining = true
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    // A kept-alive connection whose request was under way goes idle only now.
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const cut = setTimeout(() => server.closeAllConnections(), DRAIN_WITHIN_MS)
    await closed
    clearInterval(idle)
    clearTimeout(cut)
  }
}
