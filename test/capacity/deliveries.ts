import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { newSid, sessionHandle } from '@carnet/protocol'
import { Redis } from 'ioredis'
import { forgetChannel } from '../../packages/protocol/src/store/keys.ts'
import { Child } from '../bench/child.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import type { Constants, VerbCost } from './constants.ts'
import { leastDisturbed, meter } from './redis-meter.ts'

const SUBSCRIBERS = 200
const MESSAGES = 500
const TURNS = 4
const HEARD = 50_000
const TOGETHER = 50

/** What a message to one subscriber costs Redis and an agent. */
export async function measureDeliveries(): Promise<Constants['delivery']> {
  const server = await startRedis()
  try {
    return { ...(await atRedis(server)), agentMicros: await atAgent(server) }
  } finally {
    await server.stop()
  }
}

async function atRedis(server: TestRedis): Promise<Omit<Constants['delivery'], 'agentMicros'>> {
  const redis = new Redis(server.url)
  const publisher = new Redis(server.url)
  const channel = forgetChannel('0')
  const oneByOne = async () => {
    for (let time = 0; time < MESSAGES; time++) await publisher.publish(channel, sessionHandle(newSid()))
  }
  const together = () => publishTogether(publisher, MESSAGES)
  const unheard = {
    alone: await inTurns(redis, oneByOne),
    together: await inTurns(redis, together),
  }
  const sockets: Socket[] = []
  for (let count = 0; count < SUBSCRIBERS; count++) {
    const socket = connect(server.port, '127.0.0.1').resume()
    socket.write(`SUBSCRIBE ${channel}\r\n`)
    sockets.push(socket)
  }
  await until(async () => (await publisher.pubsub('NUMSUB', channel))[1] === SUBSCRIBERS)
  const heard = {
    alone: await inTurns(redis, oneByOne),
    together: await inTurns(redis, together),
  }
  for (const socket of sockets) socket.destroy()
  for (const each of [redis, publisher]) each.disconnect()
  return {
    redisMicros: (heard.alone.cpuMicros - unheard.alone.cpuMicros) / SUBSCRIBERS,
    redisMicrosTogether: (heard.together.cpuMicros - unheard.together.cpuMicros) / SUBSCRIBERS,
    bytes: (heard.alone.bytesOut - unheard.alone.bytesOut) / SUBSCRIBERS,
  }
}

async function inTurns(redis: Redis, publish: () => Promise<void>): Promise<VerbCost> {
  const turns: VerbCost[] = []
  while (turns.length < TURNS) turns.push(await meter(redis, MESSAGES, publish))
  return leastDisturbed(turns)
}

async function atAgent(server: TestRedis): Promise<number> {
  const agent = new Child(join('..', 'capacity', 'hearing-agent.ts'), [server.url])
  const publisher = new Redis(server.url)
  try {
    await agent.told()
    const turns: number[] = []
    while (turns.length < TURNS) {
      agent.tell('begin')
      await agent.told()
      await publishTogether(publisher, HEARD)
      agent.tell('end')
      const { cpuMicros, heard } = await agent.told<{ cpuMicros: number; heard: number }>()
      if (heard !== HEARD) throw new Error(`The agent heard ${heard} of ${HEARD} messages.`)
      turns.push(cpuMicros / HEARD)
    }
    return Math.min(...turns)
  } finally {
    publisher.disconnect()
    await agent.end()
  }
}

async function publishTogether(publisher: Redis, messages: number): Promise<void> {
  for (let sent = 0; sent < messages; sent += TOGETHER) {
    const pipeline = publisher.pipeline()
    for (let each = 0; each < TOGETHER; each++) pipeline.publish(forgetChannel('0'), sessionHandle(newSid()))
    await pipeline.exec()
  }
}
