import { setTimeout } from 'node:timers/promises'
import { startRedis } from '../support/redis.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { type Drill, prove } from './drill.ts'

/** One site's way to Redis is spoilt in three ways, one after the other. */
export const spoiltWay: Drill = {
  name: 'agent-network',
  failure:
    "one agent's way to Redis is slow (200 ms there and back), stalls, is cut and is a black hole, 5 s each",
  async prepare() {
    const redis = await startRedis()
    const proxy = await startTcpProxy(redis.port)
    return {
      storeUrl: redis.url,
      env: { shop: { CARNET_REDIS_URL: `redis://127.0.0.1:${proxy.port}` } },
      async stop() {
        await proxy.stop()
        await redis.stop()
      },
      async fault({ oracle, brief }) {
        const proofs: string[] = []
        oracle.faultBegan()
        for (const mode of [{ delay: 100 }, 'stall', 'cut', 'hole'] as const) {
          const before = { touched: proxy.touched, failed: oracle.since('check').failed }
          await proxy.set(mode)
          await setTimeout(brief ? 2_500 : 5_000)
          const name = typeof mode === 'object' ? `${mode.delay} ms` : mode
          const failed = oracle.since('check').failed - before.failed
          if (mode !== 'cut') prove(proxy.touched > before.touched, `${name} met no traffic`)
          else prove(failed > 0, 'the cut was not noticed')
          proofs.push(`${name}: ${failed} checks failed`)
          if (mode === 'hole') prove(failed > 0, 'the black hole was not noticed')
          await proxy.set('pass')
          // The last way is the worst: the connections that were open then stay silent.
          if (mode !== 'hole') await setTimeout(brief ? 1_000 : 2_500)
        }
        oracle.faultEnded()
        return proofs.join('; ')
      },
    }
  },
}
