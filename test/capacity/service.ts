import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type AuthService, createAuthService } from '@carnet/auth-service'
import { fixedManifest, openStore, parseManifest, parseSecrets, type Store } from '@carnet/protocol'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { Passwords } from '../../packages/auth-service/src/accounts/passwords.ts'
import { ada } from '../support/people.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import type { Constants, Statements } from './constants.ts'
import { commandsCounted } from './redis-meter.ts'
import { counted, countStatements } from './statements.ts'

const TIMES = 200
const SITES = 3
const REST_MS = 3_000
const PASSWORD = 'correct horse battery staple'
const SITE = { id: 'site-0', origin: 'https://site-0.example' }

interface Counts {
  readonly redis: number
  readonly sql: Statements
}

/** What an auth service with Redis and PostgreSQL asks of them, counted over HTTP. */
export async function measureService(): Promise<Pick<Constants, 'atRest' | 'service'>> {
  const redisServer = await startRedis()
  const postgres = await startPostgres()
  const redis = new Redis(redisServer.url)
  const store = await openStore(redisServer.url)
  countStatements()
  const databaseUrl = await postgres.create()
  const service = await open(store, databaseUrl)
  const server = createServer(service.app.callback()).listen(0, '127.0.0.1')
  try {
    await setTimeout(1_000)
    const { port } = server.address() as AddressInfo
    const atRest = await rest(redis)
    const ask = (path: string, options: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, options)
    const counts = await asked(redis, atRest, ask)
    return { atRest, service: { ...counts, hashMicros: await hashTime() } }
  } finally {
    server.close()
    await service.close()
    redis.disconnect()
    await store.close()
    await Promise.all([redisServer.stop(), postgres.stop()])
  }
}

async function open(store: Store, databaseUrl: string): Promise<AuthService> {
  const sites = Array.from(
    { length: SITES },
    (_, n) => `  - { id: site-${n}, origin: "https://site-${n}.example", fanOut: pull }`,
  )
  const manifest = parseManifest(`auth: https://auth.example\nsites:\n${sites.join('\n')}\n`, 'sites.yaml')
  const service = await createAuthService({
    manifest: fixedManifest(manifest),
    store,
    databaseUrl,
    secrets: parseSecrets('a-secret-for-counting-of-32-bytes-or-more'),
    log: pino({ level: 'silent' }),
    passwordCost: 4,
  })
  await service.users.add({ email: ada.email, password: PASSWORD, name: ada.name, emailVerified: true })
  return service
}

async function rest(redis: Redis): Promise<Constants['atRest']> {
  const { redis: commands, sql } = await count(redis, () => setTimeout(REST_MS))
  return {
    redisPerSecond: (commands * 1_000) / REST_MS,
    sqlPerSecond: ((sql.reads + sql.writes) * 1_000) / REST_MS,
  }
}

async function asked(
  redis: Redis,
  atRest: Constants['atRest'],
  ask: (path: string, options: RequestInit) => Promise<Response>,
): Promise<{ signIn: Counts; authorize: Counts; signOut: Counts }> {
  const each = async (work: (time: number) => Promise<unknown>): Promise<Counts> => {
    const begunAt = performance.now()
    const counts = await count(redis, async () => {
      for (let time = 0; time < TIMES; time++) await work(time)
    })
    // What the service does by itself meanwhile is not the requests'.
    const seconds = (performance.now() - begunAt) / 1_000
    const of = (all: number, besides: number) => Math.max(0, all - besides * seconds) / TIMES
    return {
      redis: of(counts.redis, atRest.redisPerSecond),
      sql: { reads: of(counts.sql.reads, atRest.sqlPerSecond), writes: counts.sql.writes / TIMES },
    }
  }
  const cookies: string[] = []
  const post = async (path: string, body: object, cookie = '') => {
    const headers = { 'content-type': 'application/json', accept: 'application/json', cookie }
    const answer = await ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (answer.status !== 200)
      throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`)
    await answer.text()
    return answer.headers.getSetCookie().map(line => line.split(';', 1)[0] ?? '')
  }
  const signIn = await each(async () => {
    const set = await post('/signin', { email: ada.email, password: PASSWORD, remember: true })
    cookies.push(set.join('; '))
  })
  const authorize = await each(async time => {
    const query = new URLSearchParams({ site: SITE.id, state: 'x'.repeat(43), mode: 'pixel' })
    const headers = { cookie: cookies[time] ?? '' }
    const answer = await ask(`/authorize?${query}`, { headers, redirect: 'manual' })
    if (!answer.headers.get('location')?.includes('ticket='))
      throw new Error(`/authorize was answered ${answer.status}.`)
  })
  const signOut = await each(time => post('/signout', {}, cookies[time]))
  return { signIn, authorize, signOut }
}

async function count(redis: Redis, work: () => Promise<unknown>): Promise<Counts> {
  await redis.config('RESETSTAT')
  const before = counted()
  await work()
  const { reads, writes } = counted()
  return {
    redis: await commandsCounted(redis),
    sql: { reads: reads - before.reads, writes: writes - before.writes },
  }
}

/** The core's time for one password at the usual cost, in µs. */
async function hashTime(): Promise<number> {
  const passwords = new Passwords(() => 12)
  try {
    const hash = await passwords.hash(PASSWORD)
    const took: number[] = []
    while (took.length < 5) {
      const begun = process.cpuUsage()
      await passwords.verify(PASSWORD, hash)
      const { user, system } = process.cpuUsage(begun)
      took.push(user + system)
    }
    return Math.min(...took)
  } finally {
    await passwords.close()
  }
}
