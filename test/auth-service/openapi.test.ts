import { request } from 'node:http'
import { issueTickets, MemoryStore, requestKeys, signRequest, startSession } from '@carnet/protocol'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import test from 'ava'
import { secretsOf, startStoreService } from '../support/over-http.ts'
import { ada, clientAt } from '../support/people.ts'

interface Operation {
  readonly requestBody?: { content: { 'application/json': { schema: object } } }
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>
}

interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
}

const SID = '/v1/sessions/{sid}'

interface Reply {
  readonly status: number
  readonly allow: string | undefined
  readonly body: unknown
}

const store = new MemoryStore()
const service = await startStoreService(store, { signInForm: true })
const user = await service.addUser()
test.after.always(() => service.close())

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)

async function ask(method: string, path: string, body?: unknown): Promise<Reply> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const keys = requestKeys(secretsOf('shop'), 'shop')
  const authorization = signRequest(keys, 'shop', { method, target: path, body: text }, Date.now())
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', 'content-type': 'application/json', authorization }
    const sent = request({ host: '127.0.0.1', port: service.port, method, path, headers }, async received => {
      const { statusCode: status = 0, headers } = received
      if (headers['content-type']?.startsWith('text/event-stream') === true) {
        received.destroy()
        return resolve({ status, allow: undefined, body: 'stream' })
      }
      let answer = ''
      for await (const chunk of received) answer += chunk
      resolve({ status, allow: headers.allow, body: JSON.parse(answer) })
    })
    sent.on('error', reject)
    sent.end(text)
  })
}

let document: Document
test.before(async () => {
  document = (await ask('GET', '/openapi.json')).body as Document
})

test('the document is one of OpenAPI 3.1', async t => {
  t.is(document.openapi, '3.1.0')
  const { valid, errors } = await new Validator().validate(document as unknown as Record<string, unknown>)
  t.true(valid, JSON.stringify(errors))
})

test('it names the addresses and methods that there are, and no others', async t => {
  for (const [path, operations] of Object.entries(document.paths)) {
    const { status, allow } = await ask('PATCH', path.replace('{sid}', 'a'.repeat(32)))
    t.is(status, 405, path)
    const methods = (allow ?? '').split(', ').filter(method => method !== 'HEAD')
    // "touch" could be a sid, too, as far as a router can see.
    const described = Object.keys({ ...operations, ...(path.endsWith('/touch') && document.paths[SID]) })
    t.deepEqual(methods.sort(), described.map(method => method.toUpperCase()).sort(), path)
  }
})

const client = clientAt('127.0.0.1')
const state = 'x'.repeat(43)
const signIn = {
  fields: { email: user.email, password: user.password },
  state,
  origin: 'http://shop.localhost:4001',
  client,
  userAgentHeader: '',
  device: null,
}

async function taken(): Promise<string> {
  const { sid } = await startSession(store, ada, { idle: 60_000, absolute: 60_000 })
  await store.admit(sid, 'shop', store.now() + 60_000)
  return sid
}

/** A session that began at the site's own form. */
async function begun(): Promise<string> {
  const { body } = await ask('POST', '/v1/signin', signIn)
  const { ownTicket } = (body as { data: { ownTicket: string } }).data
  return (await store.redeem(ownTicket))?.record.sid ?? ''
}

async function ticket(site: string): Promise<string> {
  return (await issueTickets(store, await taken(), client, [{ site, ttl: 3_000, state }]))[0] ?? ''
}

// Each address as it is asked well, and as it is refused.
const CASES: [method: string, path: () => Promise<string>, body: () => Promise<unknown>, status: number][] = [
  ['get', async () => '/v1/time', async () => undefined, 200],
  ['post', async () => '/v1/tickets/redeem', async () => ({ ticket: await ticket('shop') }), 200],
  ['post', async () => '/v1/tickets/redeem', async () => ({ ticket: await ticket('news') }), 401],
  ['post', async () => '/v1/tickets/redeem', async () => ({ ticket: 'x' }), 401],
  ['post', async () => '/v1/tickets/redeem', async () => ({ tickets: [] }), 400],
  [
    'post',
    async () => '/v1/sessions/touch',
    async () => ({ touches: [{ sid: await taken(), until: 1 }] }),
    200,
  ],
  ['post', async () => '/v1/sessions/touch', async () => ({ touches: [{ sid: 'x', until: 1 }] }), 400],
  ['get', async () => `/v1/sessions/${await taken()}`, async () => undefined, 200],
  ['get', async () => `/v1/sessions/${'a'.repeat(32)}`, async () => undefined, 404],
  ['delete', async () => `/v1/sessions/${await taken()}`, async () => undefined, 200],
  ['delete', async () => '/v1/sessions/x', async () => undefined, 404],
  ['get', async () => '/v1/revocations', async () => undefined, 200],
  ['post', async () => '/v1/reports', async () => ({ reports: [] }), 200],
  ['post', async () => '/v1/reports', async () => ({ reports: [{}] }), 400],
  ['post', async () => '/v1/signin', async () => signIn, 200],
  ['post', async () => '/v1/signin', async () => ({ ...signIn, fields: { email: 'a', password: 'b' } }), 401],
  ['post', async () => '/v1/signin', async () => ({ ...signIn, state: undefined }), 400],
  ['post', async () => '/v1/tickets', async () => ({ sid: await begun(), state, client }), 200],
  ['post', async () => '/v1/tickets', async () => ({ sid: await taken(), state, client }), 401],
  ['post', async () => '/v1/tickets', async () => ({ sid: 'a'.repeat(32), state, client }), 401],
]

test('what is asked and answered is as it says', async t => {
  const seen = new Set<string>()
  for (const [method, pathOf, bodyOf, status] of CASES) {
    const [path, body] = [await pathOf(), await bodyOf()]
    const known = path.replace(/\/v1\/sessions\/(?!touch)[\w-]+/, '/v1/sessions/{sid}')
    const operation = document.paths[known]?.[method]
    if (operation === undefined) return t.fail(`${method} ${known} is not described`)
    const reply = await ask(method.toUpperCase(), path, body)
    t.is(reply.status, status, `${method} ${path} ${JSON.stringify(reply.body)}`)
    const described = operation.responses[status]?.content ?? {}
    const schema = described['application/json']?.schema ?? described['text/event-stream']?.schema
    if (schema === undefined) return t.fail(`${status} of ${method} ${known} is not described`)
    t.true(ajv.validate(schema, reply.body), `${method} ${path} ${status}: ${ajv.errorsText()}`)
    const bodySchema = operation.requestBody?.content['application/json'].schema
    t.is(bodySchema === undefined, body === undefined)
    if (bodySchema !== undefined)
      t.is(ajv.validate(bodySchema, body), status !== 400, `${method} ${path} ${status}`)
    seen.add(`${method} ${known} ${status}`)
  }
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of Object.keys(operations))
      t.true(seen.has(`${method} ${path} 200`), `${method} ${path}`)
  }
})

test('who does not sign is told so, as it says', async t => {
  const { status, body } = await new Promise<Reply>(resolve => {
    request({ host: '127.0.0.1', port: service.port, path: '/v1/time' }, async received => {
      let answer = ''
      for await (const chunk of received) answer += chunk
      resolve({ status: received.statusCode ?? 0, allow: undefined, body: answer })
    }).end()
  })
  t.is(status, 401)
  t.notRegex(String(body), /<html/)
})
