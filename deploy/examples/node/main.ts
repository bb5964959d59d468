// CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_REDIS_URL=redis://… node deploy/examples/node/main.ts
import { createServer } from 'node:http'
import { openAgent } from '../agent.ts'
import { createApp } from './app.ts'

createServer(createApp(await openAgent())).listen(4001, '127.0.0.1')
