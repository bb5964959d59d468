import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Browser } from '@carnet/demo/browser'
import { CarnetError } from '@carnet/protocol'
import test from 'ava'
import Koa from 'koa'
import { pino } from 'pino'
import { LANGUAGES } from '../../packages/auth-service/src/texts/languages.ts'
import { errors } from '../../packages/auth-service/src/web/middleware/errors.ts'

test('an error page that fails is plain text, and takes no header and no status with it', async t => {
  const app = new Koa()
  const log: string[] = []
  app.use((ctx, next) => {
    ctx.set('Content-Security-Policy', "default-src 'none'")
    return next()
  })
  const failing = () => {
    throw new Error('a secret fault')
  }
  app.use(errors(pino({ level: 'error' }, { write: line => log.push(line) }), failing) as Koa.Middleware)
  app.use(() => {
    throw new CarnetError('forbidden', 'No.')
  })
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const reply = await new Browser().request(`http://localhost:${(server.address() as AddressInfo).port}/`)
  t.is(reply.status, 403)
  t.is(reply.headers['content-security-policy'], "default-src 'none'")
  t.is(reply.headers['content-type'], 'text/plain; charset=utf-8')
  t.is(reply.body, 'forbidden\n')
  t.true(log.join().includes('a secret fault'))
})

test('an error becomes an answer in one place: 5xx take back every cookie, and nothing of the cause leaves', async t => {
  const app = new Koa()
  const log: string[] = []
  const logger = pino({ level: 'error' }, { write: line => log.push(line) })
  app.use((ctx, next) => {
    ctx.state['texts'] = LANGUAGES.en
    return next()
  })
  app.use(
    errors(logger, ctx => {
      ctx.body = 'a page'
    }) as Koa.Middleware,
  )
  app.use(ctx => {
    ctx.append('Set-Cookie', 'a=b')
    if (ctx.path === '/away') throw new CarnetError('store_unavailable', 'Not now.', { retryAfter: 7 })
    if (ctx.path === '/refused') throw new CarnetError('forbidden', 'No.')
    throw new Error('a secret cause')
  })
  const server = createServer(app.callback()).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const ask = (path: string) =>
    new Browser().request(`http://localhost:${(server.address() as AddressInfo).port}${path}`, {
      headers: { accept: 'application/json' },
    })

  const away = await ask('/away')
  t.is(away.status, 503)
  t.is(away.headers['retry-after'], '7')
  t.deepEqual(away.cookies, [])
  const refused = await ask('/refused')
  t.is(refused.status, 403)
  t.deepEqual(refused.cookies, ['a=b'])
  const internal = await ask('/')
  t.is(internal.status, 500)
  t.deepEqual(internal.cookies, [])
  t.false(internal.body.includes('secret'))
  t.true(log.join().includes('a secret cause'), 'the log has it')
})
