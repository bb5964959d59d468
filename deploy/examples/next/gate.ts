import { carnet } from '@carnet/site-agent/fetch'
import { openAgent } from '../agent.ts'

/**
 * The gate of this app. The agent is made at the first request, since a build has no secrets. Next.js names no peer, so
 * a proxy must be the only way in: `CARNET_TRUST_PROXY=127.0.0.1` has its `X-Forwarded-For` believed.
 */
export const gate = carnet(openAgent, { peer: () => '127.0.0.1' })
