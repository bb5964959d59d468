// CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_REDIS_URL=redis://… node deploy/examples/hono/main.ts
import { serve } from '@hono/node-server'
import { openAgent } from '../agent.ts'
import { createApp } from './app.ts'

const app = createApp(await openAgent())
serve({ fetch: app.fetch, port: 4001, hostname: '127.0.0.1' })
