import { conforms, startSubject } from './adapters/conformance.ts'
import { expressStack } from './adapters/express.ts'
import { fastify } from './adapters/fastify.ts'
import { fetchStack } from './adapters/fetch.ts'
import { hono } from './adapters/hono.ts'
import { koa } from './adapters/koa.ts'
import { node } from './adapters/node.ts'

const stacks = { koa, 'node:http': node, express: expressStack, fastify, hono, fetch: fetchStack }
const subjects = await Promise.all(
  Object.entries(stacks).map(async ([name, serve]) => [name, await startSubject(serve)] as const),
)
for (const [name, subject] of subjects) conforms(name, subject)
