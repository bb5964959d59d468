import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Part } from '@carnet/demo'
import { parseSecrets, serviceRules } from '@carnet/protocol'
import { SMTPServer } from 'smtp-server'
import { type Certificate, makeCertificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { until } from './until.ts'
import { startWorld, type World } from './world.ts'

/** Stands in front of a part; true where it has answered itself. */
export type Front = (part: Part, req: IncomingMessage, res: ServerResponse) => boolean

/** A world in production: https, Redis with users, SQL in a file, a mail server with a login. */
export interface Deployment extends World {
  /** The service's environment. */
  readonly env: Readonly<Record<string, string>>
  readonly secret: string
  readonly certificate: Certificate
  readonly folder: string
  readonly redis: TestRedis
  /** How many mails the server got. */
  readonly mails: number
  /** Puts something in front of all parts. */
  setFront(front: Front): void
  /** A manifest file like the world's, changed. */
  manifestWith(change: (yaml: string) => string): string
}

/** The address of a proxy that all parts trust. */
export const TRUSTED = '198.51.100.2'

/** Starts a deployment. */
export async function startDeployment(): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-deployment-'))
  const certificate = makeCertificate(['auth', 'shop', 'news', 'games'].map(part => `${part}.localhost`))
  writeFileSync(join(folder, 'ca.pem'), certificate.ca)
  const redis = await startRedis()
  const rules = serviceRules().match(/\([^)]*\)|\S+/g) ?? []
  await redis.ask('ACL', 'SETUSER', 'carnet-auth', 'on', '>redis-hunter2', ...rules)
  const smtp = await startSmtp()
  const secret = 's'.repeat(43)
  const env: Record<string, string> = {
    NODE_ENV: 'production',
    CARNET_MANIFEST: join(folder, 'sites.yaml'),
    CARNET_REDIS_URL: `redis://carnet-auth:redis-hunter2@127.0.0.1:${redis.port}`,
    CARNET_DATABASE_URL: `sqlite:${join(folder, 'carnet.sqlite')}`,
    CARNET_SECRETS: secret,
    CARNET_SMTP_URL: `smtp://mailer:smtp-hunter2@127.0.0.1:${smtp.port}`,
    CARNET_MAIL_FROM: 'login@example.com',
    CARNET_TRUST_PROXY: TRUSTED,
    CARNET_PORT: '1',
  }
  let yaml = ''
  let files = 0
  let front: Front = () => false
  const world = await startWorld({
    tls: certificate,
    origin: (part, port) => `https://${part}.localhost:${port}`,
    store: env['CARNET_REDIS_URL'] ?? '',
    databaseUrl: env['CARNET_DATABASE_URL'] ?? '',
    secrets: parseSecrets(secret),
    trustProxy: TRUSTED,
    mail: { url: env['CARNET_SMTP_URL'] ?? '', from: 'login@example.com' },
    passwordCost: 10,
    tap: (part, req, res) => front(part, req, res),
    adjust: given => {
      yaml = `${given.replace(/(id: games.*)fanOut: pull/, '$1ask: true')}accounts: { password: { cost: 10 } }\n`
      writeFileSync(env['CARNET_MANIFEST'] ?? '', yaml)
      return yaml
    },
  })
  // The store is kept from the first beat on.
  await until(() => world.store.ping().then(() => true))
  return {
    ...world,
    env,
    secret,
    certificate,
    folder,
    redis,
    get mails() {
      return smtp.mails()
    },
    setFront(next) {
      front = next
    },
    manifestWith(change) {
      const file = join(folder, `sites-${++files}.yaml`)
      writeFileSync(file, change(yaml))
      return file
    },
    async close() {
      await world.close()
      await smtp.close()
      await redis.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

async function startSmtp() {
  let mails = 0
  const port = await freePort()
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, done) {
      if (username === 'mailer' && password === 'smtp-hunter2') return done(null, { user: username })
      done(new Error('Invalid username or password'))
    },
    onData(stream, _session, done) {
      mails++
      stream.resume()
      stream.on('end', () => done())
    },
  })
  server.on('error', () => {})
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()))
  const close = () => new Promise<void>(resolve => server.close(() => resolve()))
  return { port, mails: () => mails, close }
}
