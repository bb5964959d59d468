import { join } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import test from 'ava'
import { freePorts } from '../support/free-port.ts'
import { printed, run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

const main = join(import.meta.dirname, '../../deploy/demo/main.ts')

test.serial('the demo walks itself, on the embedded store and on Redis', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  for (const env of [{}, { CARNET_REDIS_URL: redis.url }]) {
    const demo = run([main, '--check', '--port', String(await freePorts(4))], env)
    t.is(await demo.exited, 0, demo.output())
    t.regex(demo.output(), /18 of 18 steps as expected/)
    t.regex(demo.output(), 'CARNET_REDIS_URL' in env ? /on Redis/ : /on the embedded store/)
  }
})

test.serial('the demo says where it is and who may sign in, stays up, and stops at Ctrl-C', async t => {
  const port = await freePorts(4)
  const demo = run([main, '--port', String(port)], {})
  await printed(demo, 'Ctrl-C')
  for (const word of [
    `http://auth.localhost:${port}`,
    `http://games.localhost:${port + 3}`,
    'ada@example.com',
    'correct horse battery staple',
  ]) {
    t.true(demo.output().includes(word), word)
  }
  t.is((await new Browser().visit(`http://shop.localhost:${port + 1}/`)).status, 200)
  const second = run([main, '--port', String(port)], {})
  t.is(await second.exited, 1)
  t.regex(second.output(), /is taken/)
  demo.process.kill('SIGINT')
  t.is(await demo.exited, 0)
})
