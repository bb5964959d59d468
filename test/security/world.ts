import { Writable } from 'node:stream'
import { ADA, type DemoOptions } from '@carnet/demo'
import { Browser, type Reply } from '@carnet/demo/browser'
import test, { type ExecutionContext } from 'ava'
import { pino } from 'pino'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { postJson, startWorld, type World } from '../support/world.ts'

/** The service and three agents, on one kind of store. */
export interface Stage extends World {
  readonly kind: 'embedded' | 'redis' | 'http'
  /** The server of its store; null where that is embedded. */
  readonly redis: TestRedis | null
  /** All that any part has logged so far, at the lowest level. */
  logged(): string
}

/** The same on every kind of store. */
export interface Stages {
  readonly all: readonly Stage[]
  /** A case, once for each kind of store. */
  each(title: string, body: (t: ExecutionContext, stage: Stage) => Promise<void>): void
  /** A case of what only a store of its own can suffer. */
  onRedis(title: string, body: (t: ExecutionContext, stage: RedisStage) => Promise<void>): void
  close(): Promise<void>
}

/** One with a Redis of its own. */
export type RedisStage = Stage & { readonly redis: TestRedis }

/** The sign-in page: where the pixels are loaded from. */
export const signInPage = ({ auth }: World): string => `${auth}/signin`

/**
 * Starts the service and three agents on the embedded store, and on Redis with a connection of its own for each; with
 * `overHttp` also with agents that ask the service.
 */
export async function startStages(options: DemoOptions = {}): Promise<Stages> {
  const { overHttp = false, ...same } = options
  const redis = await startRedis()
  const embedded = await startStage('embedded', null, same)
  const remote = (await startStage('redis', redis, { ...same, store: redis.url })) as RedisStage
  const all: Stage[] = [embedded, remote]
  if (overHttp) all.push(await startStage('http', null, options))
  return {
    all,
    each(title, body) {
      for (const stage of all) test.serial(`${title} (${stage.kind})`, t => body(t, stage))
    },
    onRedis(title, body) {
      test.serial(`${title} (redis)`, t => body(t, remote))
    },
    async close() {
      for (const stage of all) await stage.close()
      await redis.stop()
    },
  }
}

async function startStage(
  kind: Stage['kind'],
  redis: TestRedis | null,
  options: DemoOptions,
): Promise<Stage> {
  let logged = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk
      done()
    },
  })
  const log = pino({ level: 'trace' }, sink)
  const world = await startWorld({ log, ...options })
  const stage = { ...world, kind, redis, logged: () => logged }
  await ready(stage)
  return stage
}

/** Waits until the service says that it can serve. */
export async function ready({ auth }: World): Promise<void> {
  await until(async () => (await new Browser().request(`${auth}/readyz`)).status === 200)
}

/** A person who can sign in. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly password: string
}

let people = 0

/** Adds a person, whose address is confirmed. */
export async function newPerson(stage: World, more: { emailVerified?: boolean } = {}): Promise<Person> {
  const email = `person-${process.pid}-${people++}@example.com`
  const password = `the very own password of ${email}`
  const user = await stage.service.users.add({ email, password, name: 'P', emailVerified: true, ...more })
  return { id: user.id, email, password }
}

/** What a sign-in by JSON gives. */
export interface Entered {
  readonly ticket: string | null
  readonly fanOut: readonly { readonly site: string; readonly url: string }[]
  readonly returnTo: string
}

/** Signs a person in by JSON. */
export async function enter(
  stage: World,
  browser: Browser,
  who: { email: string; password: string } = ADA,
  more: object = {},
): Promise<Entered> {
  const { email, password } = who
  const reply = await postJson(browser, `${stage.auth}/signin`, { email, password, ...more })
  if (reply.status !== 200) throw new Error(`The sign-in was refused: ${reply.status} ${reply.body}`)
  return (JSON.parse(reply.body) as { data: Entered }).data
}

/** A browser that a person has signed in with, and that has been to some sites. */
export async function enteredBrowser(
  stage: World,
  who: { email: string; password: string } = ADA,
  sites: readonly string[] = [],
): Promise<Browser> {
  const browser = new Browser()
  await enter(stage, browser, who)
  for (const site of sites) await browser.visit(`${site}/members`)
  return browser
}

/** The pixel of `news` with a ticket that a sign-in gave to this browser. */
export async function pushedPixel(
  stage: World,
  browser: Browser,
  who: { email: string; password: string } = ADA,
): Promise<string> {
  const { ticket } = await enter(stage, browser, who, { site: 'news' })
  return `${stage.news}/api/auth.gif?ticket=${ticket}`
}

/** The address by which a browser that is signed in would come back to a site, not yet visited. */
export async function wayBack(browser: Browser, site: string): Promise<string> {
  const begun = await browser.request(`${site}/api/signin?return_to=/members`)
  const passed = await browser.request(begun.headers.location ?? '')
  return passed.headers.location ?? ''
}

/** Signs out at a site, by its own page. */
export function signOutAt(browser: Browser, site: string): Promise<Reply> {
  return browser.request(`${site}/api/signout`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin', accept: 'application/json' },
  })
}

/** Whether an answer sets a site's session cookie. */
export function setsSession({ cookies }: Reply): boolean {
  return cookies.some(cookie => /^(__Host-)?carnet=[^;]/.test(cookie))
}

/** How often a server was given a command. */
export async function calls({ redis }: Pick<RedisStage, 'redis'>, command: string): Promise<number> {
  const stats = String(await redis.ask('INFO', 'commandstats'))
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}
