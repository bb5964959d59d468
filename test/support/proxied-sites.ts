import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthService } from '@carnet/auth-service'
import { ADA, PARTS } from '@carnet/demo'
import { createSite } from '@carnet/demo/site'
import { loadManifest, openStore, parseSecrets, siteSecrets, watchManifest } from '@carnet/protocol'
import { createAgent } from '@carnet/site-agent'
import { pino } from 'pino'
import { startCaddy } from './caddy.ts'
import type { Certificate } from './certificate.ts'
import { HOST } from './domains.ts'
import { freePort, freePorts } from './free-port.ts'
import { fromGuide } from './guide.ts'
import { shut } from './listening.ts'
import { startNginx } from './nginx.ts'
import { startPhp } from './php.ts'
import { type Program, printed, run } from './processes.ts'
import { startRedis, type TestRedis } from './redis.ts'

/** A site behind nginx, one behind Caddy and one on Koa, whose agents share a Redis with the auth service. */
export interface ProxiedSites {
  readonly auth: string
  /** Behind nginx: files, PHP and an app. */
  readonly shop: string
  /** Behind Caddy: the same. */
  readonly news: string
  /** On Koa. */
  readonly games: string
  /** Where the agents of nginx and Caddy listen. */
  readonly agents: number
  readonly process: Program
  /** What that process was told. */
  readonly env: Readonly<Record<string, string>>
  readonly redis: TestRedis
  /** Writes the manifest anew. */
  adjust(change: (yaml: string) => string): void
  close(): Promise<void>
}

const WHO = `<?php
header('Content-Type: application/json');
header('Set-Cookie: basket=1; Path=/');
$seen = [];
foreach ($_SERVER as $name => $value) if (preg_match('/carnet/i', $name) && $name !== 'HTTP_COOKIE') $seen[$name] = $value;
echo json_encode(['seen' => (object) $seen, 'method' => $_SERVER['REQUEST_METHOD'], 'body' => file_get_contents('php://input'), 'cookies' => array_keys($_COOKIE)]);
`

/** Starts them all, nginx and Caddy as their guides say; with a certificate over https, on domains that have nothing in common. */
export async function startProxiedSites(tls: Certificate | null = null): Promise<ProxiedSites> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-sites-'))
  const first = await freePorts(5)
  const [auth, shop, news, games] = PARTS.map((part, index) =>
    tls === null ? `http://${part}.localhost:${first + index}` : `https://${HOST[part]}:${first + index}`,
  ) as [string, string, string, string]
  const agents = first + 4
  const file = join(folder, 'sites.yaml')
  let yaml = `auth: ${auth}
sites:
  - { id: shop, origin: "${shop}", fanOut: push, signInForm: true }
  - { id: news, origin: "${news}", fanOut: pull, signInForm: true }
  - { id: games, origin: "${games}" }
`
  writeFileSync(file, yaml)
  for (const part of ['', 'members']) {
    mkdirSync(join(folder, part), { recursive: true })
    writeFileSync(join(folder, part, 'index.html'), `${part || 'open'} page`)
    for (const name of ['who.php', 'hello.php']) writeFileSync(join(folder, part, name), WHO)
  }

  const [chain, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')]
  if (tls !== null) {
    writeFileSync(chain, tls.cert)
    writeFileSync(key, tls.key)
  }

  const [redis, php] = await Promise.all([startRedis(), startPhp()])
  const log = pino({ level: 'silent' })
  const store = await openStore(redis.url)
  const secrets = parseSecrets('s'.repeat(40))
  const manifest = loadManifest(file)
  const service = await createAuthService({
    manifest: watchManifest(file),
    store,
    limits: redis.url,
    databaseUrl: 'sqlite::memory:',
    secrets,
    mail: 'kept',
    log,
    trustProxy: 'none',
    passwordCost: 4,
  })
  await service.users.add({
    ...ADA,
    name: 'Ada 愛達, Ph.D. 100%',
    emailVerified: true,
    roles: ['member', 'a,b'],
  })
  const agent = await createAgent({
    site: 'games',
    manifest,
    secrets: siteSecrets(secrets, 'games'),
    store,
    log,
  })
  const app = await startApp()
  const servers: Server[] = [app.server]
  for (const [port, handle] of [
    [first, service.app.callback()],
    [first + 3, createSite(agent, 'games', manifest, log).callback()],
  ] as const) {
    const server = tls === null ? createServer(handle) : createTlsServer(tls, handle)
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
    servers.push(server)
  }

  const carnet = join(import.meta.dirname, '../../packages/auth-service/src/cli/main.ts')
  const env = {
    CARNET_MANIFEST: file,
    CARNET_SITE_SECRETS_SHOP: siteSecrets(secrets, 'shop').join(','),
    CARNET_SITE_SECRETS_NEWS: siteSecrets(secrets, 'news').join(','),
    CARNET_SITE_SECRETS_LATE_ONE: siteSecrets(secrets, 'late-one').join(','),
    CARNET_STORE_URL: redis.url,
    CARNET_TRUST_PROXY: '127.0.0.1',
    CARNET_PORT: `${agents}`,
  }
  const program = run([carnet, 'agent'], env)
  const replaced = { '127.0.0.1:4010': `127.0.0.1:${agents}`, '127.0.0.1:3000': `127.0.0.1:${app.port}` }
  const [nginx, caddy] = await Promise.all([
    startNginx(temporary => {
      writeFileSync(join(temporary, 'carnet.conf'), fromGuide('nginx.md', '# /etc/nginx/carnet.conf', {}))
      return fromGuide('nginx.md', '# /etc/nginx/conf.d/shop.conf', {
        ...replaced,
        '/etc/nginx/carnet.conf': join(temporary, 'carnet.conf'),
        '/var/www/shop': folder,
        'unix:/run/php/php-fpm.sock': `unix:${php.socket}`,
        'listen 443 ssl': `listen 127.0.0.1:${first + 1}${tls === null ? '' : ' ssl'}`,
        'server_name shop.example': `server_name ${new URL(shop).hostname}`,
        'ssl_certificate /etc/ssl/shop.example.pem;': tls === null ? '' : `ssl_certificate ${chain};`,
        'ssl_certificate_key /etc/ssl/shop.example.key;': tls === null ? '' : `ssl_certificate_key ${key};`,
      })
    }, first + 1),
    startCaddy(
      fromGuide('caddy.md', '# /etc/caddy/Caddyfile', {
        ...replaced,
        '/var/www/news': folder,
        'unix//run/php/php-fpm.sock': `unix/${php.socket}`,
        'news.example {': `${news} {\n\tbind 127.0.0.1\n${tls === null ? '' : `\ttls ${chain} ${key}\n`}`,
      }),
      first + 2,
    ),
    printed(program, 'listening'),
  ])
  return {
    auth,
    shop,
    news,
    games,
    agents,
    process: program,
    env,
    redis,
    adjust(change) {
      yaml = change(yaml)
      writeFileSync(file, yaml)
    },
    async close() {
      program.process.kill('SIGTERM')
      await Promise.all([nginx.stop(), caddy.stop(), php.stop(), program.exited, ...servers.map(shut)])
      await agent.close()
      await service.close()
      await store.close()
      await redis.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** An app behind the proxies: says what headers it got, and takes WebSockets. */
async function startApp(): Promise<{ server: Server; port: number }> {
  const server = createServer((req, res) => {
    if (req.url === '/app/401') res.writeHead(401).end('the app says no')
    else res.end(JSON.stringify(req.headers))
  })
  server.on('upgrade', (req, socket) => {
    socket.on('error', () => {})
    const { 'x-carnet-email': email = '', 'sec-websocket-key': key = '' } = req.headers
    const accepted = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted}\r\nX-Seen: ${String(email)}\r\n\r\n`,
    )
    socket.on('data', chunk => socket.end(chunk))
  })
  const port = await freePort()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return { server, port }
}
