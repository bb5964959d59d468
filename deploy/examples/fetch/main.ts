// CARNET_SITE=shop CARNET_SITE_SECRETS=… CARNET_REDIS_URL=redis://… node deploy/examples/fetch/main.ts
// On Bun: `Bun.serve({ fetch: app })`. On Deno: `Deno.serve(app)`.
import { type HttpBindings, serve } from '@hono/node-server'
import { openAgent } from '../agent.ts'
import { createApp } from './app.ts'

const app = createApp(await openAgent())
serve({ fetch: (request, env) => app(request, env as HttpBindings), port: 4001, hostname: '127.0.0.1' })
