import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Browser } from '@carnet/demo/browser'
import test, { type ExecutionContext } from 'ava'
import { submitForm } from '../support/accounts.ts'
import { startCaddy } from '../support/caddy.ts'
import { freePorts } from '../support/free-port.ts'
import { type Following, follow } from '../support/newcomer.ts'
import { startNginx } from '../support/nginx.ts'
import { packPackages } from '../support/packed.ts'
import { startPhp } from '../support/php.ts'
import { startRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'
import { whoAt } from '../support/world.ts'

const PASSWORD = 'correct horse battery staple'

const folder = mkdtempSync(join(tmpdir(), 'carnet-guides-'))
const tools = join(folder, 'tools')
mkdirSync(join(tools, 'bin'), { recursive: true })
const registry = await startRegistry(await packPackages(), join(folder, '.npmrc'))
// 4000 to 4010 are the pages', the others only the test's.
const base = await freePorts(18)
const portOf = (port: number): number => base + port - 4000
const originOf = (id: string, port: number): string => `http://${id}.localhost:${portOf(port)}`
const [auth, first] = [originOf('auth', 4000), originOf('first', 4001)]
const [shop, news] = [originOf('shop', 4011), originOf('news', 4012)]

const system = process.env['PATH'] ?? ''
const ada = new Browser()
let phpSocket = ''
/** The sites that she has come to. */
const entered = new Set<string>()
const stops: (() => Promise<void>)[] = [() => registry.stop()]
test.after.always(async () => {
  await Promise.all(stops.map(stop => stop()))
  rmSync(folder, { recursive: true, force: true })
})

/** The terminal of somebody who has this Node, what the system has, and nothing of ours. */
function terminal(guide: string): Record<string, string> {
  const passed = /^(https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(registry|cafile))$/i
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name))),
    ...registry.env,
    HOME: homedir(),
    PATH: [
      join(tools, 'bin'),
      join(folder, guide, 'bin'),
      dirname(process.execPath),
      ...system.split(delimiter).filter(part => !part.includes('node_modules')),
    ].join(delimiter),
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
    // Where `npm install --global` installs.
    npm_config_prefix: join(folder, guide),
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_update_notifier: 'false',
  }
}

/** Follows a guide; besides the ports nothing is replaced but what is said. */
async function walk(
  guide: string,
  { env = {}, replaced = [], ...following }: Pick<Following, 'answers'> & Partial<Following>,
): Promise<void> {
  const started = await follow(guide, {
    folder,
    env: { ...terminal(guide), ...env },
    replaced: [...replaced, [/\b40(?:0\d|10)\b/g, port => `${portOf(Number(port))}`]],
    ...following,
  })
  stops.push(started.stop)
}

/** Two cores: two guides at a time. */
const lanes: Promise<void>[] = [Promise.resolve(), Promise.resolve()]

/** A guide whose first steps may need something to be there, and which ends where somebody signed in elsewhere opens a page. */
function leadsIn(
  guide: string,
  lane: 0 | 1,
  {
    prepare,
    steps,
    proof,
  }: Record<'steps' | 'proof', (t: ExecutionContext) => Promise<void>> & {
    prepare?: () => Promise<void>
  },
): void {
  test(`${guide}, followed from an empty folder, ends signed in without a password`, async t => {
    t.timeout(300_000)
    const turn = (lanes[lane] ?? Promise.resolve()).then(async () => {
      await prepare?.()
      const begunAt = performance.now()
      await steps(t)
      await proof(t)
      t.log(`${guide}: ${((performance.now() - begunAt) / 1000).toFixed(1)} s`)
    })
    lanes[lane] = turn.catch(() => {})
    await turn
  })
}

/** Who is signed in elsewhere sees the page, and none of the sign-in on the way. */
async function sees(t: ExecutionContext, url: string, content: RegExp): Promise<void> {
  const way = await ada.follow(url)
  t.false(way.some(({ url }) => url.startsWith(`${auth}/signin`)))
  t.is(way.at(-1)?.url, url)
  t.regex(way.at(-1)?.body ?? '', content)
  entered.add(new URL(url).origin)
}

/** Who is not goes to sign in. */
async function asksStrangers(t: ExecutionContext, site: string, members: string): Promise<void> {
  const stranger = new Browser()
  t.regex((await stranger.visit(`${site}/`)).body, /href="\/api\/signin\?return_to=\//)
  const { url } = await stranger.visit(`${site}${members}`)
  t.true(url.startsWith(`${auth}/signin?`), url)
}

test.before('quick-start.md, followed from an empty folder, ends signed in at a first site', async t => {
  const begunAt = performance.now()
  await walk('quick-start.md', {
    // Else it is 4000.
    env: { CARNET_PORT: `${portOf(4000)}` },
    typed: `${PASSWORD}\n`,
    answers: [auth, first].map(at => `${at}/healthz`),
  })
  const { url } = await ada.visit(first)
  t.true(url.startsWith(`${auth}/signin?`), url)
  const done = await submitForm(ada, url, { email: 'ada@example.com', password: PASSWORD })
  // There is no other site to have pixels of, so no page stands between.
  t.is(done.status, 303, done.body)
  const back = await ada.visit(new URL(done.headers.location ?? '', auth).href)
  t.deepEqual([back.url, back.body], [`${first}/`, 'Hello Ada'])
  t.log(`quick-start.md: ${((performance.now() - begunAt) / 1000).toFixed(1)} s`)
})

function app(guide: string, lane: 0 | 1, site: string, prepare = async (): Promise<void> => {}): void {
  leadsIn(guide, lane, {
    prepare,
    steps: () => walk(guide, { answers: [`${site}/api/healthz`] }),
    async proof(t) {
      await sees(t, `${site}/members`, /Hello Ada/)
      await sees(t, `${site}/editors`, /Editors/)
      await sees(t, `${site}/`, /action="\/api\/signout"/)
      await asksStrangers(t, site, '/members')
    },
  })
}

app('koa.md', 0, originOf('games', 4002))
app('express.md', 1, originOf('blog', 4003))
app('fastify.md', 0, originOf('forum', 4004))
app('hono.md', 1, originOf('radio', 4005))
app('node.md', 0, originOf('notes', 4006))
app('fetch.md', 1, originOf('quotes', 4007), async () => {
  // The page wants Bun to be there.
  await promisify(execFile)('npm', ['install', '--global', 'bun'], {
    env: { ...terminal('fetch.md'), npm_config_prefix: tools },
  })
})
if (process.env['CARNET_SLOW_GUIDES'] === '1') app('next.md', 1, originOf('travel', 4008))
else
  test.skip('next.md is followed where CARNET_SLOW_GUIDES=1: Next.js takes long to install and build', () => {})

/** What a page says of the web and of the folders of a system is elsewhere here. */
function here(id: string, site: string): Following['replaced'] {
  return [
    [`https://${id}.example`, site],
    ['https://auth.example.com', auth],
    ['/etc/carnet/sites.yaml', join(folder, 'auth/deploy/sites.yaml')],
    [`/etc/carnet/${id}.env`, join(folder, `auth/${id}.env`)],
    [`/var/www/${id}`, join(folder, id)],
  ]
}

leadsIn('nginx.md', 0, {
  async prepare() {
    mkdirSync(join(folder, 'conf.d'))
    const php = await startPhp()
    // A server that runs, and takes what comes into its folder.
    const nginx = await startNginx(own => {
      const program = `#!/bin/sh\nPATH='${system}' exec nginx -p ${own} -c ${own}/nginx.conf -e ${own}/error.log "$@"\n`
      writeFileSync(join(tools, 'bin/nginx'), program, { mode: 0o755 })
      return `include ${folder}/conf.d/*.conf; server { listen 127.0.0.1:${portOf(4013)}; }`
    }, portOf(4013))
    phpSocket = php.socket
    stops.push(php.stop, nginx.stop)
  },
  steps: () =>
    walk('nginx.md', {
      answers: [`http://127.0.0.1:${portOf(4010)}/healthz`],
      env: { CARNET_PORT: `${portOf(4010)}` },
      replaced: [
        ...here('shop', shop),
        ['/etc/nginx/carnet.conf', join(folder, 'carnet.conf')],
        ['/etc/nginx/conf.d', join(folder, 'conf.d')],
        ['unix:/run/php/php-fpm.sock', `unix:${phpSocket}`],
        ['listen 443 ssl', `listen 127.0.0.1:${new URL(shop).port}`],
        ['server_name shop.example', 'server_name shop.localhost'],
        [/ssl_certificate.*;/g, ''],
      ],
    }),
  async proof(t) {
    await until(async () => (await whoAt(ada, shop)) !== '')
    await sees(t, `${shop}/members/`, /<h1>Members/)
    await sees(t, `${shop}/hello.php`, /Hello Ada/)
    await asksStrangers(t, shop, '/members/')
  },
})

leadsIn('caddy.md', 1, {
  async prepare() {
    const caddy = await startCaddy(`http://127.0.0.1:${portOf(4014)} {\n}\n`, portOf(4014), portOf(4015))
    stops.push(caddy.stop)
  },
  steps: () =>
    walk('caddy.md', {
      answers: [`http://127.0.0.1:${portOf(4016)}/healthz`],
      env: { CARNET_PORT: `${portOf(4016)}` },
      replaced: [
        ...here('news', news),
        ['127.0.0.1:4010', `127.0.0.1:${portOf(4016)}`],
        ['news.example {', `${news} {\n\tbind 127.0.0.1`],
        ['(carnet) {', `{\n\tadmin 127.0.0.1:${portOf(4015)}\n}\n(carnet) {`],
        ['caddy reload', `caddy reload --address 127.0.0.1:${portOf(4015)}`],
        ['/etc/caddy/Caddyfile', join(folder, 'Caddyfile')],
      ],
    }),
  async proof(t) {
    await until(async () => (await whoAt(ada, news)) !== '')
    await sees(t, `${news}/members/`, /<h1>Members/)
    await asksStrangers(t, news, '/members/')
  },
})

test.after('who signs out at one site is signed out at all of them', async t => {
  const [last = first] = [...entered].reverse()
  t.is((await ada.submit(`${last}/`, '/api/signout', {})).status, 303)
  for (const site of [first, ...entered]) await until(async () => (await whoAt(ada, site)) === 'signed_out')
})
