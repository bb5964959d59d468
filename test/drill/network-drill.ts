import { setTimeout } from 'node:timers/promises'
import { startRedis } from '../support/redis.ts'
import { type Mode, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { type Drill, prove, type Scene } from './drill.ts'

type Way = 'slow' | 'slower' | 'stall' | 'cut' | 'hole'

// One that grows ever slower is never silent.
const WAYS: Readonly<Record<Way, readonly Mode[]>> = {
  slow: [{ delay: 100 }],
  slower: [{ delay: 500 }, { delay: 1_000 }, { delay: 1_500 }, { delay: 2_000 }],
  stall: ['stall'],
  cut: ['cut'],
  hole: ['hole'],
}

/** One site's way to Redis is spoilt in four ways, one after the other. */
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
      fault: scene => spoil(proxy, ['slow', 'stall', 'cut', 'hole'], scene),
    }
  },
}

/** Spoils what goes through a proxy in several ways, the worst last. Returns the proof of it, and throws where there is none. */
export async function spoil(
  proxy: TcpProxy,
  ways: readonly Way[],
  { oracle, brief }: Scene,
): Promise<string> {
  const proofs: string[] = []
  oracle.faultBegan()
  for (const way of ways) {
    const before = { touched: proxy.touched, failed: oracle.since('check').failed }
    for (const [step, mode] of WAYS[way].entries()) {
      await proxy.set(mode)
      // Steps on the way to the last one leave the connections time to go on.
      const isLast = step === WAYS[way].length - 1
      await setTimeout(isLast ? (brief ? 2_500 : 5_000) : 700)
    }
    const failed = oracle.since('check').failed - before.failed
    if (way !== 'cut') prove(proxy.touched > before.touched, `${way} met no traffic`)
    else prove(failed > 0, 'the cut was not noticed')
    proofs.push(`${way}: ${failed} checks failed`)
    if (way === 'hole') prove(failed > 0, 'the black hole was not noticed')
    await proxy.set('pass')
    // The last way is the worst: the connections that were open then stay silent.
    if (way !== 'hole') await setTimeout(brief ? 1_000 : 2_500)
  }
  oracle.faultEnded()
  return proofs.join('; ')
}
