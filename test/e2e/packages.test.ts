import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { installPacked } from '../support/packed.ts'

const call = promisify(execFile)

test('the packages, packed and installed into an empty project, run under plain node', async t => {
  t.timeout(300_000)
  const folder = mkdtempSync(join(tmpdir(), 'carnet-packed-'))
  const project = await installPacked(folder, ['koa@3'])
  writeFileSync(
    join(project, 'sites.yaml'),
    'auth: http://auth.localhost\nsites: [{ id: shop, origin: "http://shop.localhost" }]\n',
  )
  writeFileSync(
    join(project, 'app.js'),
    `import { createServer } from 'node:http'
import Koa from 'koa'
import { createAgent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/koa'
import { carnet as gate } from '@carnet/site-agent/node'
import { carnet as fetchGate } from '@carnet/site-agent/fetch'

const agent = await createAgent({ site: 'shop', manifest: 'sites.yaml', secrets: 'x'.repeat(32) })
const app = new Koa()
app.use(carnet(agent))
app.use(carnet.required())
const server = createServer(app.callback()).listen(0, '127.0.0.1', async () => {
  const reply = await fetch('http://127.0.0.1:' + server.address().port, { redirect: 'manual' })
  console.log(reply.status, typeof gate(agent))
  const visit = await fetchGate(agent, { peer: () => undefined })(new Request('http://shop.localhost/'))
  console.log(visit.session)
  // Of these frameworks none is installed: their adapters are types and functions.
  for (const stack of ['express', 'fastify', 'hono']) {
    const { carnet } = await import('@carnet/site-agent/' + stack)
    console.log(stack, typeof carnet.required())
  }
  server.close()
  await agent.close()
})
`,
  )
  const { stdout } = await call(process.execPath, ['app.js'], { cwd: project })
  // Node's own fetch says \`Sec-Fetch-Mode: cors\`: no navigation, so no redirect.
  t.deepEqual(stdout.trim().split('\n'), [
    '401 function',
    'null',
    'express function',
    'fastify function',
    'hono function',
  ])

  const env = { ...process.env, CARNET_MANIFEST: 'sites.yaml' }
  const bin = join(project, 'node_modules/.bin/carnet')
  const agent = join(project, 'node_modules/.bin/carnet-agent')
  t.regex((await call(process.execPath, [agent, '--help'])).stdout, /CARNET_STORE_URL/)
  t.regex((await call(process.execPath, [bin, 'check'], { cwd: project, env })).stdout, /is in order: shop/)
  const adding = call(process.execPath, [bin, 'user', 'add', 'ada@example.com'], { cwd: project, env })
  adding.child.stdin?.end('correct horse battery staple\n')
  t.regex(
    (await adding).stdout,
    /Added ada@example\.com/,
    'the password is hashed by a worker out of the package',
  )
})
