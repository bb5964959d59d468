import { createServer } from 'node:http'
import { PARTS } from '@carnet/demo'
import { Browser, type Reply } from '@carnet/demo/browser'
import test from 'ava'
import { freePort } from '../support/free-port.ts'
import { listening, shut } from '../support/listening.ts'
import { startNginx } from '../support/nginx.ts'
import { signInJson, startWorld, viaOf, type World, whoAt } from '../support/world.ts'

// One nginx in front of all parts, as a CDN that keeps every .gif for an hour, whatever its status, unless the answer
// forbids it. The second one also keeps what sets cookies, as some CDNs can be told to.
const CACHES = { 'as it comes': '', 'told to keep cookies too': 'proxy_ignore_headers Set-Cookie;' }

for (const [name, more] of Object.entries(CACHES)) {
  test(`a CDN that keeps every .gif, ${name}, keeps none of ours, and nothing crosses between two users`, async t => {
    const at = await freePort()
    const ports = new Map<string, number>()
    const world = await startWorld({
      trustProxy: '127.0.0.1',
      origin: (part, port) => {
        ports.set(part, port)
        return `http://${part}.localhost:${at}`
      },
    })
    t.teardown(() => world.close())
    // A GIF of the site's own, to see that the cache keeps what it may.
    const plain = createServer((_req, res) =>
      res.writeHead(200, { 'Content-Type': 'image/gif' }).end('GIF89a'),
    )
    ports.set('plain', await listening(plain))
    t.teardown(() => shut(plain))
    const nginx = await startNginx(
      folder => `
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=gifs:1m;
  ${[...PARTS, 'plain']
    .map(
      part => `server {
    listen 127.0.0.1:${at};
    server_name ${part}.localhost;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location / { proxy_pass http://127.0.0.1:${ports.get(part)}; }
    location ~ \\.gif$ {
      proxy_pass http://127.0.0.1:${ports.get(part)};
      proxy_cache gifs;
      proxy_cache_key $host$request_uri;
      proxy_cache_valid any 1h;
      proxy_cache_methods GET HEAD;
      ${more}
      add_header X-Cache $upstream_cache_status always;
    }
  }`,
    )
    .join('\n')}`,
      at,
    )
    t.teardown(() => nginx.stop())

    const ordinary = `http://plain.localhost:${at}/logo.gif`
    t.is((await new Browser().request(ordinary)).headers['x-cache'], 'MISS')
    t.is((await new Browser().request(ordinary)).headers['x-cache'], 'HIT', 'the cache works')
    await twoUsers(t, world)
  })
}

async function twoUsers(t: import('ava').ExecutionContext, world: World): Promise<void> {
  const { auth, shop, news } = world
  const page = `${auth}/signin`
  const eve = { email: 'eve@example.com', password: 'a password that only Eve knows' }
  await world.service.users.add({ ...eve, name: 'Eve', emailVerified: true })
  const seen: Reply[] = []
  const load = async (browser: Browser, url: string) => {
    const reply = await browser.request(url, { page })
    seen.push(reply)
    return reply
  }
  const [first, second] = [new Browser({ from: '127.0.0.2' }), new Browser({ from: '127.0.0.3' })]
  const pushes = {
    first: await signInJson(world, first, { site: 'news' }),
    second: await signInJson(world, second, { ...eve, site: 'news' }),
  }

  // Pushed.
  const pushed = `${news}/api/auth.gif?ticket=${pushes.first.ticket}`
  t.is((await load(first, pushed)).status, 200)
  const again = await load(second, pushed)
  t.is(again.headers['carnet-error'], 'ticket_unknown', 'the same address in another browser')
  t.deepEqual(again.cookies, [])
  t.is((await load(second, `${news}/api/auth.gif?ticket=${pushes.second.ticket}`)).status, 200)

  // Pulled: the first address is the very same for everybody.
  const begun = [await load(first, `${shop}/api/auth.gif`), await load(second, `${shop}/api/auth.gif`)]
  const states = begun.map(({ headers }) => new URL(headers.location ?? '').searchParams.get('state'))
  t.is(new Set(states).size, 2)
  t.is(new Set(begun.map(({ cookies }) => cookies.join())).size, 2, 'each browser gets a nonce of its own')
  const passed = await first.request(begun[0]?.headers.location ?? '', { page })
  const redeemed = passed.headers.location ?? ''
  t.is((await load(first, redeemed)).status, 200)
  const crossed = await load(second, redeemed)
  t.is(crossed.status, 401)
  t.deepEqual(crossed.cookies, [])
  const own = await second.request(begun[1]?.headers.location ?? '', { page })
  t.is((await load(second, own.headers.location ?? '')).status, 200)

  // Refusals.
  for (const browser of [first, second, first]) {
    const blocked = await browser.request(`${shop}/api/auth.gif`, {
      page,
      headers: { 'sec-fetch-storage-access': 'none' },
    })
    seen.push(blocked)
    t.is(blocked.headers['carnet-error'], 'pixel_blocked')
    t.is((await load(browser, `${news}/api/auth.gif`)).headers['carnet-error'], 'ticket_missing')
    t.is((await load(browser, `${shop}/api/auth.gif?error=signed_out&state=x`)).status, 401)
    t.is((await load(browser, `${shop}/api/auth.gif`)).status, 302, 'a refusal is kept for nobody')
  }

  for (const { url, headers } of seen) {
    t.not(headers['x-cache'], undefined, url)
    t.not(headers['x-cache'], 'HIT', url)
  }
  for (const site of [shop, news]) {
    const via = site === shop ? 'pull' : 'push'
    t.is(viaOf(await first.visit(`${site}/members`)), via)
    t.is(await whoAt(first, site), 'ada@example.com')
    t.is(viaOf(await second.visit(`${site}/members`)), via)
    t.is(await whoAt(second, site), 'eve@example.com')
  }
}
