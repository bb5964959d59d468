import { connect } from 'node:net'
import { ADA, type Demo, type DemoOptions, startDemo } from '@carnet/demo'
import { Browser, type BrowserOptions, type Reply } from '@carnet/demo/browser'
import { pixelsOf, signIn } from '@carnet/demo/check'

/** The auth service and three sites, with the origins at hand. */
export interface World extends Demo {
  readonly auth: string
  readonly shop: string
  readonly news: string
  readonly games: string
}

/** Starts a world on free ports; passwords cost next to nothing. */
export async function startWorld(options: DemoOptions = {}): Promise<World> {
  const demo = await startDemo({ port: 0, passwordCost: 4, ...options })
  const originOf = (id: string) => demo.manifest.sites.find(site => site.id === id)?.origin ?? ''
  return {
    ...demo,
    auth: demo.manifest.auth,
    shop: originOf('shop'),
    news: originOf('news'),
    games: originOf('games'),
  }
}

/** A browser that has signed in by the form and loaded the page's pixels. */
export async function signedIn(world: World, options?: BrowserOptions): Promise<Browser> {
  const browser = new Browser(options)
  await signInHere(world, browser)
  return browser
}

/** Signs a browser in by the form and loads the page's pixels; their answers. */
export async function signInHere(world: World, browser: Browser, search = ''): Promise<Reply[]> {
  const page = await signIn(browser, world.auth, ADA.password, search)
  const replies: Reply[] = []
  for (const url of pixelsOf(page.body)) replies.push(await browser.image(url, `${world.auth}/signin`))
  return replies
}

/** What the JSON sign-in answers. */
export interface SignInData {
  user: { id: string; email: string }
  ticket: string | null
  fanOut: { site: string; url: string }[]
  returnTo: string
}

/** Signs in by JSON; the `data` of the answer. */
export async function signInJson(world: World, browser: Browser, more: object = {}): Promise<SignInData> {
  const reply = await postJson(browser, `${world.auth}/signin`, {
    email: ADA.email,
    password: ADA.password,
    ...more,
  })
  if (reply.status !== 200) throw new Error(`The sign-in was refused: ${reply.status} ${reply.body}`)
  return (JSON.parse(reply.body) as { data: SignInData }).data
}

/** Posts JSON. */
export function postJson(
  browser: Browser,
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return browser.request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** Who is signed in at a site by its own word: an address, or the code of the refusal. */
export async function whoAt(browser: Browser, origin: string): Promise<string> {
  const reply = await browser.request(`${origin}/api/session`, {
    headers: { 'sec-fetch-site': 'same-origin' },
  })
  const body = JSON.parse(reply.body) as { error?: string; data?: { user: { email: string } } }
  return body.data?.user.email ?? body.error ?? ''
}

/** The way by which a page says that its visitor was signed in; `none` for nobody. */
export function viaOf(reply: Reply): string {
  return /data-via="(\w+)"/.exec(reply.body)?.[1] ?? `no page, but ${reply.status}`
}

/** Sends a request's first lines as they are to a server of the world, and cuts the connection if told to; the first line of the answer. */
export function rawRequest(origin: string, lines: string, end: 'wait' | 'cut' = 'wait'): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(`${lines}\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n\r\n`)
      if (end === 'cut') socket.end()
    })
    socket.on('data', chunk => {
      answer += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer.split('\r\n', 1)[0] ?? ''))
  })
}
