import { setTimeout } from 'node:timers/promises'
import { startRedis } from '../support/redis.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { wrongClocks } from './clock-drill.ts'
import { type Drill, prove } from './drill.ts'
import { spoil } from './network-drill.ts'
import { frozenRedis, olderRedis, restartedRedis } from './redis-drills.ts'
import { killedService, rollingRestart } from './service-drills.ts'
import { sentinelFailover } from './topology-drills.ts'

/** A drill where the agents reach no Redis, and ask the auth service. */
function overHttp({ name, failure, prepare }: Drill): Drill {
  return {
    name: `http-${name}`,
    failure: `agents over HTTP: ${failure}`,
    async prepare() {
      return { ...(await prepare()), agentsAsk: async () => ({}) }
    },
  }
}

/** All auth services are killed: agents have nobody to ask. */
export const killedServices: Drill = overHttp({
  name: 'services-killed',
  failure: 'both auth services are killed (`kill -9`), and are back after 8 s',
  async prepare() {
    const redis = await startRedis()
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ world, oracle, brief }) {
        oracle.faultBegan()
        for (const { program } of world.services) {
          program.process.kill('SIGKILL')
          await program.exited
        }
        await setTimeout(brief ? 2_000 : 8_000)
        const { all, failed } = oracle.since('check')
        prove(failed > 0, `${failed} of ${all} checks failed`)
        await Promise.all(world.services.map(service => service.start()))
        oracle.faultEnded()
        return `${failed} of ${all} checks failed meanwhile`
      },
    }
  },
})

/** One site's way to the auth service is spoilt, one way after the other. */
const spoiltWayOverHttp: Drill = {
  name: 'http-agent-network',
  failure:
    "agents over HTTP: one agent's way to the auth service is slow (200 ms there and back), ever slower (up to 4 s), stalls, is cut and is a black hole, 5 s each",
  async prepare() {
    const redis = await startRedis()
    const proxies: TcpProxy[] = []
    return {
      storeUrl: redis.url,
      async agentsAsk(authPort) {
        const proxy = await startTcpProxy(authPort)
        proxies.push(proxy)
        return { shop: proxy.port }
      },
      async stop() {
        for (const proxy of proxies) await proxy.stop()
        await redis.stop()
      },
      async fault(scene) {
        const [proxy] = proxies
        if (proxy === undefined) throw new Error('There is no proxy.')
        return spoil(proxy, ['slow', 'slower', 'stall', 'cut', 'hole'], scene)
      },
    }
  },
}

/** What agents over HTTP are put through. */
export const HTTP_DRILLS: readonly Drill[] = [
  overHttp(killedService),
  killedServices,
  overHttp(rollingRestart),
  overHttp(restartedRedis),
  overHttp(olderRedis),
  overHttp(frozenRedis),
  overHttp(sentinelFailover),
  spoiltWayOverHttp,
  overHttp(wrongClocks),
]
