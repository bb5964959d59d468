// CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_REDIS_URL=redis://… node deploy/examples/fastify/main.ts
import { openAgent } from '../agent.ts'
import { createApp } from './app.ts'

const app = await createApp(await openAgent())
await app.listen({ port: 4001, host: '127.0.0.1' })
