// CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_REDIS_URL=redis://… node deploy/examples/koa/main.ts
import { openAgent } from '../agent.ts'
import { createApp } from './app.ts'

const app = createApp(await openAgent())
app.listen(4001, '127.0.0.1')
