import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { MemoryStore, type Store, siteSecrets } from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/node'
import test, { type ExecutionContext } from 'ava'
import { openMigrated } from '../../packages/auth-service/src/accounts/database.ts'
import { type DiagnosisOptions, diagnose } from '../../packages/auth-service/src/doctor/diagnose.ts'
import { makeCertificate, makeDatedCertificate } from '../support/certificate.ts'
import { type Front, startDeployment, TRUSTED } from '../support/deployment.ts'
import { COMMAND } from '../support/installation.ts'
import { listening, shut } from '../support/listening.ts'
import { run } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const world = await startDeployment()
const { database } = world.service.desk
setDefaultCACertificates([...getCACertificates('default'), world.certificate.ca])
test.after.always(() => world.close())
test.afterEach.always(() => world.setFront(() => false))

/** What is not in order, as `level about: says`. */
async function complaints(more: Record<string, string> = {}, options: DiagnosisOptions = { round: false }) {
  const findings = await diagnose({ ...world.env, ...more }, options)
  return findings
    .filter(({ level }) => level !== 'ok')
    .map(({ level, about, says }) => `${level} ${about}: ${says}`)
}

/** Has exactly these things be complained of. */
function only(t: ExecutionContext, said: readonly string[], ...expected: readonly RegExp[]) {
  t.is(said.length, expected.length, said.join('\n') || 'nothing was complained of')
  for (const [index, pattern] of expected.entries()) t.regex(said[index] ?? '', pattern)
}

async function traces() {
  const rows = (table: 'users' | 'sessions' | 'session_sites' | 'audit' | 'outbox') =>
    database.selectFrom(table).selectAll().execute()
  return Promise.all((['users', 'sessions', 'session_sites', 'audit', 'outbox'] as const).map(rows))
}

test.serial('a sound deployment gives no complaint, and the round leaves nothing behind', async t => {
  const before = await traces()
  const program = run([COMMAND, 'doctor'], {
    ...world.env,
    NODE_EXTRA_CA_CERTS: join(world.folder, 'ca.pem'),
  })
  t.is(await program.exited, 0, program.output())
  const output = program.output()
  t.regex(output, /^0 faults, 0 warnings$/m)
  t.notRegex(output, /hunter2|^(warn|fail)/m)
  for (const line of [
    /^ok +redis .* keeps sign-outs/m,
    /^ok +redis +the user carnet-auth may do no more/m,
    /^ok +mail .*takes the login/m,
    /^ok +clock +the service at https:/m,
    /^ok +tls .*certificate of https:\/\/games/m,
    /^ok +sites +news: its agent answers/m,
    /^ok +proxy .*does not believe a forged/m,
    /^ok +cookies .*3 of 3 origins/m,
    /^ok +round +shop: signed in at https:.* by a bounce in \d+ ms, seen in \d+ ms$/m,
    /^ok +round +signed out at https:.* in \d+ ms$/m,
    /^ok +round +gone everywhere else within \d+ ms$/m,
  ]) {
    t.regex(output, line)
  }
  t.deepEqual(await traces(), before)
  t.is(world.mails, 0)
  only(t, await complaints({}, {}))
})

test.serial('a round that is broken off leaves nothing behind either', async t => {
  const before = await traces()
  let isHeld = false
  world.setFront((part, req) => {
    const holds = part === 'games' && req.url === '/api/session'
    isHeld ||= holds
    return holds
  })
  const program = run([COMMAND, 'doctor'], {
    ...world.env,
    NODE_EXTRA_CA_CERTS: join(world.folder, 'ca.pem'),
  })
  await until(() => isHeld)
  t.is((await traces())[0]?.length, 2)
  program.process.kill('SIGINT')
  t.is(await program.exited, 1)
  t.regex(program.output(), /^warn +round +broken off/m)
  t.deepEqual(await traces(), before)
})

test.serial('what is wrong with the parts behind the service is named, each alone', async t => {
  const { env, redis } = world
  const misspelt = world.manifestWith(yaml => yaml.replace('brand:', 'brnad:'))
  only(
    t,
    await complaints({ CARNET_MANIFEST: misspelt }),
    /^fault configuration: .*:3:1 .*did you mean "brand"/,
    /^fault configuration: .*production: NODE_ENV/,
    /^warning configuration: The rest/,
  )
  const logo = world.manifestWith(yaml => yaml.replace('Carnet demo,', 'Carnet demo, logo: none.png,'))
  only(t, await complaints({ CARNET_MANIFEST: logo }), /^warning manifest: the logo none\.png cannot be read/)

  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  only(t, await complaints(), /^fault redis: .*allkeys-lru\): set noeviction/)
  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await redis.ask('CONFIG', 'SET', 'appendonly', 'no')
  only(t, await complaints(), /^warning redis: .*no replica and writes no append-only file.*appendonly yes/)
  await redis.ask('CONFIG', 'SET', 'appendonly', 'yes')
  only(
    t,
    await complaints({ CARNET_REDIS_URL: redis.url }),
    /^warning redis: the default user may do everything: give each part/,
  )
  const cluster = await startRedis({ cluster: true })
  t.teardown(() => cluster.stop())
  only(
    t,
    await complaints({ CARNET_REDIS_URL: cluster.url }),
    /^warning redis: \S+ has no replica that could take over/,
    /^warning redis: the default user may do everything/,
  )

  const old = `sqlite:${join(world.folder, 'old.sqlite')}`
  const copy = await openMigrated(old)
  await copy
    .deleteFrom('kysely_migration' as 'keys')
    .where('name' as 'fingerprint', 'like', '0002%')
    .execute()
  await copy.destroy()
  only(
    t,
    await complaints({ CARNET_DATABASE_URL: old }),
    /^fault database: the tables are not up to date: 0002-\S+\. Run "carnet migrate"/,
  )
  only(
    t,
    await complaints({ CARNET_SECRETS: 'z'.repeat(43) }),
    /^warning secrets: no service has run with the newest secret yet/,
  )
  const smtp = env['CARNET_SMTP_URL'] ?? ''
  only(
    t,
    await complaints({ CARNET_SMTP_URL: smtp.replace('smtp-', 'wrong-') }),
    /^fault mail: 127\.0\.0\.1:\d+ refuses the login: 535 .*CARNET_SMTP_URL/,
  )
  only(
    t,
    await complaints({ CARNET_SMTP_URL: smtp.replace(/\d+$/, '1') }),
    /^fault mail: .* cannot be reached: .*ECONNREFUSED.*CARNET_SMTP_URL/,
  )
  t.is(world.mails, 0)
})

/** Has another agent answer at a site. */
async function standIn(
  t: ExecutionContext,
  at: string,
  {
    site = at,
    secret = world.secret,
    store = world.store,
  }: { site?: string; secret?: string; store?: Store } = {},
) {
  const secrets = siteSecrets([secret], site)
  const agent = await createAgent({ site, manifest: world.manifest, secrets, store })
  t.teardown(() => agent.close())
  const gate = carnet(agent)
  const front: Front = (part, req, res) => {
    if (part !== at) return false
    void gate(req, res).then(answered => answered || res.end())
    return true
  }
  world.setFront(front)
  return front
}

test.serial('what is wrong at a site or on the way to it is named, each alone', async t => {
  world.setFront((part, req) => part === 'news' && req.socket.destroy() !== null)
  only(t, await complaints(), /^fault sites: news: https:\/\/news\S+ cannot be reached: .*Start the site/)
  world.setFront((part, _req, res) => part === 'news' && res.writeHead(502).end() === res)
  only(t, await complaints(), /^fault sites: news: \S+ answers 502: start the site behind it/)
  world.setFront((part, _req, res) => part === 'news' && res.end('<h1>News</h1>') === res)
  only(t, await complaints(), /^fault sites: news: something else than an agent.*mount the agent/)
  const health = { code: 0, message: 'alive', data: { site: 'games', version: '0.0.1', store: 'ok' } }
  world.setFront((part, _req, res) => part === 'games' && res.end(JSON.stringify(health)) === res)
  only(t, await complaints(), /^warning sites: games: .* is version 0\.0\.1, and this is 0\.\d+\.\d+: update/)
  await standIn(t, 'games', { site: 'shop' })
  only(
    t,
    await complaints(),
    /^fault sites: games: at https:\/\/games\S+ the agent of "shop" answers.*CARNET_SITE/,
  )
  const blind = { ...health, code: 503, data: { site: 'shop', version: '0.1.0', store: 'unavailable' } }
  world.setFront(
    (part, _req, res) => part === 'shop' && res.writeHead(503).end(JSON.stringify(blind)) === res,
  )
  only(t, await complaints(), /^fault sites: shop: .* does not reach the store.*CARNET_REDIS_URL/)
  world.setFront((part, req, res) => part === 'auth' && req.url === '/readyz' && res.end('no') === res)
  only(t, await complaints(), /^warning service: https:\/\/auth\S+ answers, and .*\/readyz/)
  const late = new Date(Date.now() - 60_000).toUTCString()
  world.setFront((part, _req, res) => part === 'auth' && res.setHeader('date', late) !== res)
  only(t, await complaints(), /^warning clock: the service at https:\/\/auth\S+ is \d\d\.\d s behind .*NTP/)
})

test.serial('what is wrong with a certificate is named, and its site is not complained of twice', async t => {
  const [day, now] = [86_400_000, Date.now()]
  const dated = (from: number, to: number) =>
    makeDatedCertificate('old.localhost', new Date(now + from * day), new Date(now + to * day))
  const soon = dated(-89, 1)
  setDefaultCACertificates([...getCACertificates('default'), soon.cert])
  const shown = [
    [dated(-90, -2), /^fault tls: the certificate of https:\/\/old\S+ has ended 2 days ago: renew it/],
    [
      makeCertificate(['old.localhost']),
      /^fault tls: .* is from nobody known here \(\S+\): use one that browsers trust/,
    ],
    [
      world.certificate,
      /^fault tls: .* is for others \(DNS:auth\.localhost.*: give it one for old\.localhost/,
    ],
    [soon, /^warning tls: the certificate of https:\/\/old\S+ ends in \d+ hours: renew it/],
  ] as const
  for (const [certificate, expected] of shown) {
    const agent = carnet(world.agents['shop'] ?? t.fail())
    const server = createServer(certificate, (req, res) => void agent(req, res))
    const alias = `https://old.localhost:${await listening(server)}`
    const manifest = world.manifestWith(yaml => yaml.replace('id: shop,', `id: shop, aliases: ["${alias}"],`))
    t.teardown(() => shut(server))
    only(t, await complaints({ CARNET_MANIFEST: manifest }), expected)
  }
})

/** Changes the cookies that an answer sets; null takes one away. */
function rewriteCookies(res: ServerResponse, change: (line: string) => string | null): boolean {
  const writeHead = res.writeHead.bind(res)
  res.writeHead = ((...given: Parameters<typeof writeHead>) => {
    const lines = [res.getHeader('set-cookie') ?? []].flat().map(line => change(String(line)))
    res.removeHeader('set-cookie')
    const kept = lines.filter(line => line !== null)
    if (kept.length > 0) res.setHeader('set-cookie', kept)
    return writeHead(...given)
  }) as typeof res.writeHead
  return false
}

/** Has a request seem to come from elsewhere. */
function comeFrom(req: IncomingMessage, remoteAddress: string): boolean {
  Object.defineProperty(req.socket, 'remoteAddress', { value: remoteAddress })
  return false
}

/** Keeps the first answer that names somebody, and gives it to all. */
function sharedCache(): (req: IncomingMessage, res: ServerResponse) => boolean {
  let kept: unknown = null
  return (req, res) => {
    if (req.url !== '/api/session') return false
    if (kept !== null) return res.end(kept) === res
    const end = res.end.bind(res)
    res.end = ((chunk: unknown) => {
      if (res.statusCode === 200) kept = chunk
      return end(chunk)
    }) as typeof res.end
    return false
  }
}

test.serial('what only a sign-in shows is named, and nothing else, and nothing is left behind', async t => {
  const before = await traces()
  const walked = async (more: Record<string, string> = {}) => {
    const said = await complaints(more, {})
    t.deepEqual((await traces()).slice(0, 3), before.slice(0, 3))
    const deeds = (await traces())[3] ?? []
    t.deepEqual(
      deeds.filter(({ outcome }) => outcome === 'ok'),
      [],
    )
    return said.sort()
  }
  const stranger = await standIn(t, 'news', { secret: 'x'.repeat(43) })
  const cache = sharedCache()
  world.setFront((part, req, res) => {
    if (part === 'auth' && req.url === '/signin') {
      comeFrom(req, TRUSTED)
      delete req.headers['x-forwarded-for']
    }
    return part === 'games' ? cache(req, res) : stranger(part, req, res)
  })
  only(
    t,
    await walked(),
    /^fault round: games .* still takes for signed in .* cache/,
    /^fault secrets: news: .* not this site's: .*carnet site secret news/,
    /^warning proxy: .* takes visitors to be at one of its proxies \(198\.51\.100\.\*\).*X-Forwarded-For/,
  )

  const standing = await standIn(t, 'shop', { store: new MemoryStore() })
  world.setFront((part, req, res) => {
    if (part === 'games') delete req.headers.cookie
    if (part === 'news') rewriteCookies(res, () => null)
    return standing(part, req, res)
  })
  // Here the account is one that mails are sent to.
  const unlisted = world.manifestWith(yaml => yaml.replace('{ password', '{ signUp: private, password'))
  only(
    t,
    await walked({ CARNET_MANIFEST: unlisted }),
    /^fault cookies: games: .*\(state_mismatch\).*forward Cookie/,
    /^fault cookies: https:\/\/news\S+ sets no cookie: let the proxy there forward Set-Cookie/,
    /^fault round: shop: .*\(ticket_unknown\): .*CARNET_REDIS_URL/,
  )
  t.is(world.mails, 0)

  world.setFront(
    (part, _req, res) => part === 'auth' && rewriteCookies(res, line => line.replace('; Secure', '')),
  )
  only(t, await walked(), /^fault cookies: the cookie of https:\/\/auth\S+ has lost Secure on its way/)

  world.setFront((part, req) => {
    if (part !== 'news' && req.headers['x-forwarded-for'] !== undefined) comeFrom(req, TRUSTED)
    return part === 'news' && comeFrom(req, '192.0.2.9')
  })
  only(
    t,
    await walked(),
    /^fault proxy: https:\/\/auth\S+ believes a forged X-Forwarded-For.*CARNET_TRUST_PROXY/,
    /^fault proxy: news: .*\(ticket_wrong_client\).*CARNET_TRUST_PROXY/,
    /^warning proxy: games: .* believes a forged/,
    /^warning proxy: shop: .* believes a forged X-Forwarded-For.*CARNET_TRUST_PROXY/,
  )

  world.setFront(() => false)
  const other = `sqlite:${join(world.folder, 'other.sqlite')}`
  await (await openMigrated(other)).destroy()
  only(
    t,
    await walked({ CARNET_DATABASE_URL: other }),
    /^fault round: .* another database than CARNET_DATABASE_URL/,
    /^warning secrets: no service has run with the newest secret/,
  )
  const backend = world.manifestWith(yaml =>
    yaml.replace('{ password', '{ credentials: "https://a.test", password'),
  )
  only(t, await walked({ CARNET_MANIFEST: backend }), /^warning round: left out: .*accounts\.credentials/)
  const nowhere = world.manifestWith(yaml => yaml.replace(/^auth: .*$/m, 'auth: https://auth.localhost:1'))
  only(
    t,
    await walked({ CARNET_MANIFEST: nowhere }),
    /^warning round: left out/,
    /^warning service: no service answers/,
  )
})

test.serial('a proxy that nobody trusts is named', async t => {
  world.setFront((part, req) => {
    if (part === 'auth') req.headers['x-forwarded-for'] = '203.0.113.251, 198.51.100.9'
    return false
  })
  only(t, await complaints(), /^warning service: .*name it in CARNET_TRUST_PROXY/)
})
