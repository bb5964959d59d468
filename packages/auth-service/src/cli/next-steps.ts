/** What a site may be made with, by the names that `--stack` takes. */
export const STACKS = [
  'koa',
  'express',
  'fastify',
  'hono',
  'fetch',
  'next',
  'node',
  'nginx',
  'caddy',
] as const

/** One of them. */
export type Stack = (typeof STACKS)[number]

// The package's name; these are texts, not imports.
const AGENT = '@carnet/site-agent'

/** What to do once a site stands in the manifest, to be copied. */
export function nextSteps(stack: Stack, id: string, file: string): string {
  const steps = inFront(stack) ? proxySteps(stack, id, file) : appSteps(stack, id, file)
  return steps.map((step, nth) => `${nth + 1}. ${step}`).join('\n\n')
}

function inFront(stack: Stack): stack is 'nginx' | 'caddy' {
  return stack === 'nginx' || stack === 'caddy'
}

function appSteps(stack: Exclude<Stack, 'nginx' | 'caddy'>, id: string, file: string): string[] {
  return [
    `Give the app its secret and the store. With users in Redis, load what \`carnet redis-acl\` prints now.
     CARNET_SITE_SECRETS="$(carnet site secret ${id})"
     CARNET_STORE_URL=                     # the auth service, https://auth.…, or its Redis, redis://…`,
    `Mount the agent:\n\n${indented(`${agentOf(id, file, stack === 'next')}\n${MOUNTS[stack]}`)}`,
    AFTER,
  ]
}

function proxySteps(stack: 'nginx' | 'caddy', id: string, file: string): string[] {
  const variable = `CARNET_SITE_SECRETS_${id.toUpperCase().replaceAll('-', '_')}`
  return [
    `Run an agent beside the app. With users in Redis, load what \`carnet redis-acl\` prints now.
     export CARNET_MANIFEST=${file} CARNET_SITE=${id}
     export ${variable}="$(carnet site secret ${id})"
     export CARNET_STORE_URL=              # the auth service, https://auth.…, or its Redis, redis://…
     export CARNET_TRUST_PROXY=127.0.0.1   # where ${stack} comes from
     carnet agent                          # listens on 127.0.0.1:4010`,
    `Put it in front: \`CARNET_MANIFEST=${file} carnet deploy render --target ${stack}\` prints the configuration of
   all sites. The app is told who visits by the headers X-Carnet-User, -Email, -Name and -Roles.`,
    AFTER,
  ]
}

const AFTER = 'See that all is well: carnet doctor'

/** For Next.js in a function: a build has no secrets. Its peer is a proxy, since it names none. */
function agentOf(id: string, file: string, isNext: boolean): string {
  return `import { createAgent } from '${AGENT}'

const ${isNext ? 'openAgent = () => ' : 'agent = await '}createAgent({
  site: '${id}',
  manifest: '${file.replaceAll(/[\\']/g, '\\$&')}',
  secrets: process.env.CARNET_SITE_SECRETS,
  store: process.env.CARNET_STORE_URL,${isNext ? "\n  trustProxy: '127.0.0.1'," : ''}
})
`
}

const MOUNTS: Record<Exclude<Stack, 'nginx' | 'caddy'>, string> = {
  koa: `import { carnet } from '${AGENT}/koa'

app.use(carnet(agent))                 // answers /api/*, sets ctx.state.session (or null)
app.use(carnet.required())             // from here on: signed-in only`,
  express: `import { carnet } from '${AGENT}/express'

app.use(carnet(agent))                 // answers /api/*, sets req.carnet.session (or null)
app.use(carnet.required())             // from here on: signed-in only`,
  fastify: `import { carnet } from '${AGENT}/fastify'

await app.register(carnet, { agent })  // answers /api/*, sets request.carnet.session (or null)
app.addHook('onRequest', carnet.required())  // from here on: signed-in only`,
  hono: `import { carnet } from '${AGENT}/hono'

app.use(carnet(agent))                 // answers /api/*, sets c.var.carnet.session (or null)
app.use(carnet.required())             // from here on: signed-in only`,
  fetch: `import { carnet } from '${AGENT}/fetch'

const gate = carnet(agent, { peer: (request, server) => server.requestIP(request)?.address })
Bun.serve({
  // visit.session is who visits, or null
  fetch: gate.handler((request, visit) => visit.required() ?? new Response('Signed in')),
})`,
  next: `import { carnet } from '${AGENT}/fetch'

// gate.ts
export const gate = carnet(openAgent, { peer: () => '127.0.0.1' })
// app/api/[...carnet]/route.ts
export const { GET, POST } = gate.routes
// and in pages
const session = await gate.session(await headers())`,
  node: `import { createServer } from 'node:http'
import { carnet } from '${AGENT}/node'

const gate = carnet(agent)
createServer(async (req, res) => {
  if (await gate(req, res)) return     // the agent has answered
  const session = gate.required(req, res)
  if (session !== null) res.end(\`Hello \${session.user.name}\`)
}).listen(3000, '127.0.0.1')`,
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '     ')
}
