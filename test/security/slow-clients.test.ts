import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { guardedServer } from '@carnet/auth-service'
import test from 'ava'
import { listening, shut } from '../support/listening.ts'
import { rawExchange } from '../support/raw.ts'
import { until } from '../support/until.ts'
import { startWorld } from '../support/world.ts'

const world = await startWorld()
const { host } = new URL(world.auth)
const server = guardedServer(world.service.app.callback(), {
  headersWithin: 300,
  requestWithin: 600,
  silentFor: 900,
  connections: 40,
})
const port = await listening(server)
test.after.always(async () => {
  await shut(server)
  await world.close()
})

async function* slowly(first: string, piece: string): AsyncIterable<string> {
  yield first
  // Longer than any limit: what ends it is the server.
  for (let count = 0; count < 200; count++) {
    await setTimeout(50)
    yield piece
  }
}

const POST = `POST /signin HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${world.auth}\r\nContent-Type: application/json\r\n`

const CASES: Record<string, string> = {
  'a request’s first line': 'GET /',
  'a request’s headers': `GET / HTTP/1.1\r\nHost: ${host}\r\n`,
}
for (const [what, first] of Object.entries(CASES)) {
  test.serial(`slow loris: ${what}, sent a byte at a time, is cut with 408`, async t => {
    // Patient with bodies: what cuts it is the limit on headers.
    const patient = guardedServer(world.service.app.callback(), { headersWithin: 300 })
    const at = await listening(patient)
    t.teardown(() => shut(patient))
    const from = performance.now()
    const answer = await rawExchange(at, slowly(first, 'x'))
    t.is(answer.status, 408)
    t.is(answer.headers.get('cache-control'), 'no-store')
    t.true(answer.headers.get('content-security-policy')?.includes("default-src 'none'"))
    t.true(performance.now() - from < 5_000)
  })
}

test.serial('slow loris: a body sent a byte at a time is cut with 408', async t => {
  for (const first of [`${POST}Content-Length: 30000\r\n\r\n`, `${POST}Transfer-Encoding: chunked\r\n\r\n`]) {
    const answer = await rawExchange(port, slowly(first, first.includes('chunked') ? '1\r\n \r\n' : ' '))
    t.is(answer.status, 408)
    t.is(answer.headers.get('cache-control'), 'no-store')
  }
  t.is(
    (await rawExchange(port, [`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`])).status,
    200,
  )
})

test.serial('a connection that says nothing at all is closed', async t => {
  const from = performance.now()
  await rawExchange(port, [])
  t.true(performance.now() - from < 5_000)
})

test.serial('a client that reads no answer is cut', async t => {
  const busy = guardedServer((_req, res) => void res.end('x'.repeat(50_000_000)), { silentFor: 300 })
  const at = await listening(busy)
  t.teardown(() => shut(busy))
  const socket = connect(at, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const count = () => new Promise<number>(resolve => busy.getConnections((_, all) => resolve(all)))
  await new Promise<void>(resolve => socket.once('connect', resolve))
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(async () => (await count()) === 1)
  await until(async () => (await count()) === 0)
  t.pass()
})

test.serial(
  'connections that are kept and idle make room for new clients, and those beyond the limit are refused',
  async t => {
    const held: Socket[] = []
    t.teardown(() => {
      for (const socket of held) socket.destroy()
    })
    for (let count = 0; count < 40; count++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      held.push(socket)
      const answered = new Promise<void>(resolve => socket.once('data', () => resolve()))
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      await answered
    }
    const ask = () =>
      rawExchange(port, [`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`])
    t.is((await ask()).status, 0, 'the one too many')
    let answer = 0
    await until(async () => {
      answer = (await ask()).status
      return answer === 200
    })
    t.is(answer, 200)
  },
)

test('what `carnet serve` listens with has limits', t => {
  const plain = guardedServer(() => {})
  t.true(plain.headersTimeout > 0 && plain.headersTimeout <= 15_000)
  t.true(plain.requestTimeout >= plain.headersTimeout && plain.requestTimeout <= 60_000)
  t.true(plain.timeout > 0 && plain.keepAliveTimeout > 60_000)
  t.true(plain.maxConnections > 0)
})
