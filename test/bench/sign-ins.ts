import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { ada } from '../support/people.ts'
import { Child } from './child.ts'
import type { Group } from './group.ts'
import { BATCH, saturate } from './saturate.ts'

const PASSWORD = 'correct horse battery staple'

/**
 * Sign-ins per second by JSON over HTTP, and the hash alone in as many workers on the same cores, which is all that they
 * could reach. Both processes stay for all rounds, so that the turns are short. The load is light, and on the same cores.
 */
export async function signIns(folder: string): Promise<Group> {
  const hashes = new Child('hashes.ts', [PASSWORD])
  const service = new Child('sign-in-server.ts', [join(folder, 'accounts.sqlite'), ada.email, PASSWORD])
  await hashes.told()
  const { port } = await service.told<{ port: number }>()
  const agent = new Agent({ keepAlive: true, maxSockets: BATCH.atOnce })
  const allAtOnce = () => saturate(() => signIn(agent, port), BATCH)
  const hash = {
    name: 'the hash of a sign-in alone',
    of: [],
    async measure() {
      hashes.tell('begin')
      return hashes.told<{ perSecond: number }>()
    },
  }
  const signInsOverHttp = {
    name: 'sign-ins',
    of: [{ row: hash.name, atLeast: 0.9 }],
    delayAtMostMs: 20,
    async measure() {
      service.tell('begin')
      const perSecond = await allAtOnce()
      service.tell('end')
      return { perSecond, ...(await service.told<{ delayMs: number }>()) }
    },
  }
  const rows = [hash, signInsOverHttp]
  // Before the first round all workers have started, and their code is compiled.
  for (const row of rows) await row.measure()
  return {
    rows,
    packages: ['bcryptjs'],
    async stop() {
      agent.destroy()
      await Promise.all([hashes.end(), service.end()])
    },
  }
}

function signIn(agent: Agent, port: number): Promise<void> {
  const body = JSON.stringify({ email: ada.email, password: PASSWORD })
  const headers = { 'content-type': 'application/json', 'content-length': body.length, 'user-agent': 'bench' }
  return new Promise((resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port, path: '/signin', method: 'POST', headers }
    const sent = request(options, answer => {
      if (answer.statusCode !== 200) reject(new Error(`A sign-in was answered ${answer.statusCode}.`))
      answer.resume()
      answer.on('end', resolve)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
