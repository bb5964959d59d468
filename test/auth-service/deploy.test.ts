import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Browser } from '@carnet/demo/browser'
import { parseManifest } from '@carnet/protocol'
import test from 'ava'
import { parse, parseAllDocuments } from 'yaml'
import { type DeployFile, planOf } from '../../packages/auth-service/src/deploy/plan.ts'
import { PLAIN_TARGETS, render } from '../../packages/auth-service/src/deploy/render.ts'
import { writeFiles } from '../../packages/auth-service/src/deploy/write-files.ts'
import { makeCertificate } from '../support/certificate.ts'
import { freePorts } from '../support/free-port.ts'
import { listening, shut } from '../support/listening.ts'
import { startNginx } from '../support/nginx.ts'
import { run } from '../support/processes.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const { version } = JSON.parse(read('packages/auth-service/package.json')) as { version: string }
const sample = read('deploy/sites.yaml')
const plan = planOf(parseManifest(sample, 'sites.yaml'), sample, version)
const folder = mkdtempSync(join(tmpdir(), 'carnet-deploy-'))
const call = promisify(execFile)
const isThere = (program: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some(path => existsSync(join(path, program)))
const rendered = (target: (typeof PLAIN_TARGETS)[number], path: string) =>
  render(target, plan).find(file => file.path === path)?.text ?? ''

interface Pod {
  automountServiceAccountToken: boolean
  securityContext: { runAsNonRoot: boolean; seccompProfile: { type: string } }
  containers: {
    securityContext: object
    resources: { limits: object; requests: object }
    livenessProbe: object
    readinessProbe: object
    env?: { name: string; value?: string; valueFrom?: object }[]
  }[]
}

interface Thing {
  kind: string
  metadata: { name: string; namespace?: string }
  spec: {
    template: { spec: Pod }
    minReplicas: number
    podSelector: { matchLabels?: Record<string, string> }
    egress?: { ports: { port: number }[] }[]
    ingress?: { from: { podSelector?: { matchLabels: Record<string, string> } }[] }[]
  }
}

for (const target of PLAIN_TARGETS) {
  test(`${target}: what is in deploy/ is what the sample manifest renders to`, t => {
    const files = render(target, plan)
    for (const { path, text } of files) t.is(read(`deploy/${target}/${path}`), text, path)
    const kept = readdirSync(join(root, 'deploy', target), { recursive: true, withFileTypes: true })
    t.is(kept.filter(entry => entry.isFile()).length, files.length, 'and nothing else')
    t.is(
      files
        .map(({ text }) => text)
        .join('')
        .includes('undefined'),
      false,
    )
  })
}

test('kubernetes: every pod is locked down, probed and measured, and only who must reaches Redis and the database', async t => {
  let text = render('kubernetes', plan)
    .filter(({ path }) => !['kustomization.yaml', 'sites.yaml'].includes(path))
    .map(file => file.text)
    .join('---\n')
  if (isThere('kubectl')) {
    text = (await call('kubectl', ['kustomize', join(root, 'deploy/kubernetes')])).stdout
    t.regex(text, /image: registry\.example\.com\/carnet-agent:/)
  } else t.log('kubectl is not installed: kustomize was not asked')
  const things = parseAllDocuments(text).map(document => document.toJS() as Thing)
  const named = (kind: string) => things.filter(thing => thing.kind === kind)
  const workloads = [...named('Deployment'), ...named('StatefulSet')]
  t.deepEqual(workloads.map(({ metadata }) => metadata.name).sort(), [
    'carnet-agent-games',
    'carnet-agent-news',
    'carnet-agent-shop',
    'carnet-auth',
    'carnet-redis',
  ])
  for (const { metadata, spec } of workloads) {
    const { automountServiceAccountToken, securityContext, containers } = spec.template.spec
    t.false(automountServiceAccountToken, metadata.name)
    t.true(securityContext.runAsNonRoot)
    t.is(securityContext.seccompProfile.type, 'RuntimeDefault')
    for (const container of containers) {
      t.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      t.truthy(container.livenessProbe && container.readinessProbe)
      t.deepEqual(Object.keys(container.resources.limits), ['cpu', 'memory'])
      for (const { name, value } of container.env ?? [])
        t.true(!/SECRET|URL/.test(name) || value === undefined)
    }
  }
  for (const kind of ['HorizontalPodAutoscaler', 'PodDisruptionBudget']) t.is(named(kind).length, 4, kind)
  for (const { spec } of named('HorizontalPodAutoscaler')) t.is(spec.minReplicas, 2)

  const policies = named('NetworkPolicy')
  const nameOf = (labels: Record<string, string> | undefined) => labels?.['app.kubernetes.io/name']
  const reaching = (port: number) =>
    policies
      .filter(({ spec }) => spec.egress?.some(({ ports }) => ports.some(each => each.port === port)))
      .map(({ spec }) => nameOf(spec.podSelector.matchLabels))
  t.deepEqual(reaching(5432), ['auth-service'])
  t.deepEqual(reaching(6379).sort(), ['agent', 'auth-service'])
  const redis = policies.find(({ spec }) => nameOf(spec.podSelector.matchLabels) === 'redis')
  t.deepEqual(
    redis?.spec.ingress?.flatMap(({ from }) =>
      from.map(({ podSelector }) => nameOf(podSelector?.matchLabels)),
    ),
    ['auth-service', 'agent'],
  )
  t.true(policies.some(({ spec }) => Object.keys(spec.podSelector).length === 0))
})

interface Service {
  image: string
  user?: string
  read_only: boolean
  cap_drop: string[]
  cap_add?: string[]
  security_opt: string[]
  ports?: string[]
  networks: string[] | Record<string, object>
  env_file?: string[]
  environment?: Record<string, string>
  healthcheck: { test: string[] }
  depends_on?: Record<string, { condition: string }>
  deploy: { replicas?: number; resources: { limits: object } }
}

test('compose: every service is locked down, probed and limited, and on no network that it does not need', t => {
  const { services, networks, volumes } = parse(rendered('compose', 'compose.yaml'), { merge: true }) as {
    services: Record<string, Service>
    networks: Record<string, { internal?: boolean }>
    volumes: Record<string, unknown>
  }
  t.deepEqual(Object.keys(volumes), ['certificates', 'proxy-config', 'redis', 'postgres'])
  const networksOf = ({ networks: on }: Service) => (Array.isArray(on) ? on : Object.keys(on))
  const on = (network: string) =>
    Object.entries(services)
      .filter(([, service]) => networksOf(service).includes(network))
      .map(([name]) => name)
  const agents = ['agent-shop', 'agent-news', 'agent-games']
  t.deepEqual(on('store'), ['auth', ...agents, 'redis'])
  t.deepEqual(on('database'), ['auth', 'postgres'])
  t.deepEqual(on('edge'), ['proxy', 'auth', ...agents])
  t.true(networks['store']?.internal)
  t.true(networks['database']?.internal)
  for (const [name, service] of Object.entries(services)) {
    t.true(service.read_only, name)
    t.deepEqual(service.cap_drop, ['ALL'], name)
    t.deepEqual(service.security_opt, ['no-new-privileges:true'], name)
    t.true(name === 'proxy' || /^\d{3,}:\d{3,}$/.test(service.user ?? ''), name)
    t.is(service.ports === undefined, name !== 'proxy', name)
    t.regex(service.healthcheck.test[0] ?? '', /^CMD/, name)
    t.deepEqual(Object.keys(service.deploy.resources.limits), ['cpus', 'memory', 'pids'], name)
    t.regex(service.image, /:(-carnet-[a-z-]+:)?\d+(\.\d+)*\}?$/, name)
    for (const key of Object.keys(service.environment ?? {})) t.notRegex(key, /SECRET|PASSWORD|URL/)
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      t.true(other in services)
      t.is(condition, 'service_healthy')
    }
  }
  for (const name of ['auth', ...agents]) t.is(services[name]?.deploy.replicas, 2)
})

/** With a throwaway certificate in the place of all that were chosen, and on ports that anybody may take. */
async function inNginx(text: string): Promise<string> {
  const { key, cert } = makeCertificate(['shop.example'])
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'cert.key'), key, { mode: 0o600 })
  const port = await freePorts(2)
  return text
    .replaceAll(/\/etc\/ssl\/carnet\/\S+\.(pem|key);/g, (_path, kind) => `${folder}/cert.${kind};`)
    .replaceAll(/^ *listen \[::\].*\n/gm, '')
    .replaceAll('listen 443', `listen 127.0.0.1:${port}`)
    .replaceAll('listen 80', `listen 127.0.0.1:${port + 1}`)
}

test('nginx takes what is rendered for it', async t => {
  const text = rendered('nginx', 'carnet.conf')
  t.is(text.match(/X-Carnet-User ''/g)?.length, 3, 'nobody passes for somebody at any site')
  t.is(text.match(/auth_request \/_carnet\/verify;/g)?.length, 3)
  t.is(text.match(/proxy_set_header Upgrade \$http_upgrade;/g)?.length, 3)
  const file = join(folder, 'nginx.conf')
  const body = await inNginx(text)
  writeFileSync(
    file,
    `pid ${folder}/pid; error_log ${folder}/log; events {} http { access_log off; ${body} }`,
  )
  const { stderr } = await call('nginx', ['-t', '-p', folder, '-c', file, '-e', join(folder, 'log')])
  t.regex(stderr, /test is successful/)
})

test('behind nginx nobody passes whom the agent does not let pass, and nobody says who he is by himself', async t => {
  const asked: (string | undefined)[] = []
  const agent = createServer((req, res) => {
    asked.push(req.url)
    if (req.url !== '/api/verify/nginx') return void res.end(`the agent's ${req.url}`)
    const {
      cookie,
      'x-forwarded-method': method,
      'x-forwarded-uri': uri,
      'x-forwarded-for': from,
    } = req.headers
    asked.push(`${method} ${uri} ${from}`)
    if (cookie !== undefined) res.writeHead(200, { 'X-Carnet-User': 'u-ada', 'Set-Cookie': 'seen=1' })
    else res.writeHead(401, { 'Carnet-Enter': '/api/enter' })
    res.end()
  })
  const seen: IncomingHttpHeaders[] = []
  const app = createServer((req, res) => {
    seen.push(req.headers)
    res.end('the app')
  })
  const [agentPort, appPort, port] = [await listening(agent), await listening(app), await freePorts(2)]
  const text = rendered('nginx', 'carnet.conf')
    .replaceAll(/^ *(listen \[::\]|ssl_).*\n/gm, '')
    .replaceAll('listen 443 ssl', `listen 127.0.0.1:${port}`)
    .replaceAll('listen 80', `listen 127.0.0.1:${port + 1}`)
    .replace('127.0.0.1:4011', `127.0.0.1:${agentPort}`)
    .replace('127.0.0.1:3001', `127.0.0.1:${appPort}`)
  const nginx = await startNginx(() => text, port)
  t.teardown(async () => {
    await nginx.stop()
    await Promise.all([shut(agent), shut(app)])
  })
  const forged = { 'x-carnet-user': 'u-eve', 'x-carnet-roles': 'admin', 'x-forwarded-for': '192.0.2.1' }
  const ask = (path: string, headers: Record<string, string>) =>
    new Browser().request(`http://www.shop.example:${port}${path}`, { headers: { ...forged, ...headers } })
  t.is((await ask('/cart?optional=1', {})).body, "the agent's /api/enter")
  t.deepEqual(seen, [])
  t.deepEqual(asked, ['/api/verify/nginx', 'GET /cart?optional=1 127.0.0.1', '/api/enter'])
  const passed = await ask('/cart', { cookie: 'in', connection: 'Upgrade', upgrade: 'websocket' })
  t.is(passed.body, 'the app')
  t.deepEqual(passed.headers['set-cookie'], ['seen=1'])
  const [headers] = seen
  t.like(headers, { 'x-carnet-user': 'u-ada', 'x-forwarded-for': '127.0.0.1', upgrade: 'websocket' })
  t.is(headers?.['x-carnet-roles'], undefined)
  t.is((await ask('/api/auth.gif?ticket=x', {})).body, "the agent's /api/auth.gif?ticket=x")
  t.is((await ask('/_carnet/verify', { cookie: 'in' })).status, 404)
  t.is((await ask('/api/verify', { cookie: 'in' })).body, 'the app', 'which nobody but nginx asks')
})

test('Caddy takes what is rendered for it, and the visitor puts no rule into the question', async t => {
  const text = rendered('caddy', 'Caddyfile')
  // Without the question mark Caddy hands on the visitor's own query.
  t.is(text.match(/uri \/api\/verify\?$/gm)?.length, 3)
  t.notRegex(text, /uri \/api\/verify$/m)
  if (!isThere('caddy')) return t.log('caddy is not installed: it was not asked')
  for (const path of ['deploy/caddy/Caddyfile', 'deploy/compose/caddy/Caddyfile']) {
    const env = {
      PATH: process.env['PATH'] ?? '',
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
      HOME: folder,
    }
    const args = ['validate', '--adapter', 'caddyfile', '--config', join(root, path)]
    t.regex((await call('caddy', args, { env })).stdout, /Valid configuration/)
  }
})

test('systemd takes what is rendered for it', async t => {
  const units = render('systemd', plan)
  for (const { path, text } of units.filter(({ path }) => path.endsWith('.service'))) {
    for (const line of [
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'DynamicUser=yes',
      'CapabilityBoundingSet=',
    ])
      t.true(text.includes(`\n${line}\n`), `${path}: ${line}`)
    t.notRegex(text, /^Environment=.*(SECRET|REDIS|DATABASE)/m)
    t.true(existsSync(join(root, /^ExecStart=\/usr\/bin\/node (\S+)/m.exec(text)?.[1] ?? 'nowhere')), path)
  }
  if (!isThere('systemd-analyze') || !existsSync('/usr/bin/node')) {
    return t.log(
      'systemd-analyze, or the node that the units name, is not installed: the units were not verified',
    )
  }
  const copy = join(folder, 'units')
  cpSync(join(root, 'deploy/systemd'), copy, { recursive: true })
  const files = ['carnet.service', 'carnet-agent@.service', 'carnet.target'].map(name => join(copy, name))
  const { stderr } = await call('systemd-analyze', ['verify', ...files])
  t.notRegex(stderr, /carnet/)
})

test('a brand, a path and a backend of a manifest are in what is rendered', t => {
  const text = `auth: https://app.example/login
brand: { logo: logo.png }
accounts: { credentials: "https://legacy.internal:8443/verify" }
sites:
  - { id: "null", origin: "https://a.example" }
`
  const other = planOf(parseManifest(text, 'f'), text, '9.9.9')
  const all = (target: (typeof PLAIN_TARGETS)[number]) =>
    render(target, other)
      .map(file => file.text)
      .join('')
  t.regex(all('kubernetes'), /path: \/login\/readyz/)
  t.regex(all('kubernetes'), /# - logo\.png/)
  t.regex(all('kubernetes'), /CARNET_SITE, value: "null"/)
  t.regex(all('kubernetes'), /port: 8443/)
  t.regex(all('compose'), /4000\/login\/healthz/)
  t.regex(all('nginx'), /location \/login\/ \{/)
  t.regex(all('caddy'), /reverse_proxy \/login\/\* 127\.0\.0\.1:4000/)
})

test('a name that would be more than a name in some file is written into none', t => {
  for (const more of [
    'brand: { logo: "a.png\\n      - /etc/passwd" }',
    'brand: { logo: "a\\u2028.png" }',
    'sites: [{ id: a, origin: "https://a;internal;.example" }]',
    'sites: [{ id: a, origin: "https://a.example", aliases: ["https://a{$home}.example"] }]',
    'sites: [{ id: a, origin: "https://[::1]" }]',
  ]) {
    const sites = more.startsWith('sites') ? '' : '\nsites: [{ id: a, origin: "https://a.example" }]'
    const text = `auth: https://auth.example\n${more}${sites}\n`
    const manifest = parseManifest(text, 'f')
    t.throws(() => planOf(manifest, text, '9.9.9'), { message: /cannot be written into files/ }, more)
  }
})

test('files are written over what was made and not changed, and over nothing else', t => {
  const at = (name: string) => join(folder, name)
  const files = render('systemd', plan)
  const first = files[0] as DeployFile
  writeFiles(at('new/folder'), files, false)
  writeFileSync(join(at('new/folder'), 'mine.env'), 'x')
  writeFiles(at('new/folder'), files, false)
  t.is(readFileSync(join(at('new/folder'), 'mine.env'), 'utf8'), 'x', 'what stands beside them stays')

  writeFileSync(join(at('new/folder'), first.path), `${first.text}# and a line of my own\n`)
  const last = join(at('new/folder'), (files.at(-1) as DeployFile).path)
  writeFileSync(last, 'something else')
  t.throws(() => writeFiles(at('new/folder'), files, false), {
    message: /carnet\.service, .*port\.conf are not as this command left it.*--force/,
  })
  t.is(readFileSync(last, 'utf8'), 'something else')
  writeFiles(at('new/folder'), files, true)
  t.is(readFileSync(last, 'utf8'), files.at(-1)?.text ?? '')

  mkdirSync(at('foreign'))
  writeFileSync(at('foreign/notes'), 'x')
  t.throws(() => writeFiles(at('foreign'), files, false), { message: /holds other files/ })
  t.deepEqual(readdirSync(at('foreign')), ['notes'])
  t.throws(() => writeFiles(at('foreign/notes'), files, false), {
    message: /notes cannot be written: ENOTDIR/,
  })
})

const carnetCommand = join(root, 'packages/auth-service/src/cli/main.ts')

test('the command prints files under their names, writes them, and says what is wrong', async t => {
  const CARNET_SECRETS = 's'.repeat(32)
  const out = join(folder, 'acl')
  const command = async (...args: string[]) => {
    const env = { CARNET_MANIFEST: join(root, 'deploy/sites.yaml'), CARNET_SECRETS }
    const program = run([carnetCommand, ...args], env)
    return { code: await program.exited, output: program.output() }
  }
  const render = (...args: string[]) => command('deploy', 'render', ...args)
  const [printed, written, unknown, acl] = await Promise.all([
    render('--target', 'kubernetes'),
    render('--target', 'redis-acl', '--out', out),
    render('--target', 'helm'),
    command('redis-acl'),
  ])
  t.is(printed.code, 0)
  t.regex(printed.output, /^# ==> kustomization\.yaml <==\n# Made by `carnet deploy render`/)
  t.regex(printed.output, /^# ==> redis\.yaml <==$/m)
  t.is(written.code, 0, written.output)
  t.is(readFileSync(join(out, 'users.acl'), 'utf8'), acl.output)
  t.false(acl.output.includes(CARNET_SECRETS))
  t.is(unknown.code, 1)
  t.regex(unknown.output, /Allowed choices are compose, kubernetes, nginx, caddy, systemd, redis-acl/)
})

for (const name of ['auth-service', 'agent']) {
  test(`the image of ${name} is nobody's, of known versions, and runs one process`, t => {
    const text = read(`deploy/docker/${name}.Dockerfile`).replaceAll(/^#.*\n/gm, '')
    const lines = text.trim().split('\n')
    const valuesOf = (word: string) =>
      lines.filter(line => line.startsWith(`${word} `)).map(line => line.slice(word.length + 1))
    for (const image of valuesOf('FROM')) t.regex(image, /^node:\d+-slim( AS packages)?$/)
    t.is(valuesOf('FROM').length, 2)
    const final = lines.slice(lines.findLastIndex(line => line.startsWith('FROM ')))
    t.true(final.includes('USER 1000:1000'))
    t.is(valuesOf('CMD').length, 1)
    const [program, script = ''] = JSON.parse(valuesOf('CMD')[0] ?? '') as string[]
    t.is(program, 'node')
    t.true(existsSync(join(root, script)))
    t.regex(script, /^packages\/[a-z-]+\/src\/[a-z/]+\.ts$/)
    const probe = JSON.parse(valuesOf('HEALTHCHECK')[0]?.replace(/^.*? CMD /, '') ?? '') as string[]
    t.deepEqual(probe.slice(0, 2), ['node', '-e'])
    t.false(final.some(line => /^(RUN|ADD|ENTRYPOINT) |SECRET|curl/.test(line)))
    const [port] = valuesOf('EXPOSE')
    t.true(final.some(line => line.startsWith('ENV ') && line.endsWith(`CARNET_PORT=${port}`)))
    t.true(probe[2]?.includes(`:${port}/healthz`))
  })
}

test('what an image is built from is the packages, and none of what is secret or made', t => {
  const [first, ...rest] = read('.dockerignore').trim().split('\n')
  t.is(first, '*')
  t.deepEqual(
    rest.filter(line => line.startsWith('!')),
    ['!package.json', '!pnpm-lock.yaml', '!pnpm-workspace.yaml', '!packages'],
  )
  t.true(rest.includes('**/node_modules'))
})
