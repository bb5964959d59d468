import type { Manifest } from '@carnet/protocol'
import { Browser, type Reply } from './browser.ts'
import { ADA } from './demo.ts'

/** One step of the walk. */
export interface Step {
  readonly step: string
  readonly expected: string
  readonly seen: string
}

/** Walks sign-in, every site, and sign-out over HTTP, as a browser would. */
export async function walk(manifest: Manifest): Promise<Step[]> {
  const steps: Step[] = []
  const note = (step: string, expected: string, seen: string) => steps.push({ step, expected, seen })
  const browser = new Browser()
  const { auth, sites } = manifest

  for (const site of sites) {
    const reply = await browser.visit(`${site.origin}/`)
    note(`visit ${site.id}`, 'signed out', stateOf(reply))
  }
  const wrong = await signIn(browser, auth, 'not the password of anybody')
  note(
    'sign in, wrong password',
    '303 back to the form',
    wrong.status === 303 ? '303 back to the form' : String(wrong.status),
  )

  const page = await signIn(browser, auth, ADA.password)
  note('sign in', '200', String(page.status))
  for (const url of pixelsOf(page.body)) {
    const site = sites.find(({ origin }) => url.startsWith(origin))
    const reply = await browser.image(url, `${auth}/signin`)
    note(
      `pixel of ${site?.id}`,
      '200 image/gif',
      `${reply.status} ${reply.headers['content-type'] ?? reply.headers['carnet-error']}`,
    )
  }
  for (const site of sites) {
    const reply = await browser.visit(`${site.origin}/members`)
    note(`visit ${site.id}`, `signed in, by ${site.fanOut}`, stateOf(reply))
  }

  const newcomer = new Browser({ thirdPartyCookies: false })
  await signIn(newcomer, auth, ADA.password)
  for (const site of sites) {
    const reply = await newcomer.visit(`${site.origin}/members`)
    note(`visit ${site.id}, no third-party cookies`, 'signed in, by bounce', stateOf(reply))
  }

  const [first, ...others] = sites
  if (first !== undefined) {
    const reply = await browser.submit(`${first.origin}/members`, '/api/signout', {})
    note(`sign out at ${first.id}`, '303', String(reply.status))
    for (const site of others) {
      const session = await browser.request(`${site.origin}/api/session`)
      note(
        `session at ${site.id}`,
        '401 signed_out',
        `${session.status} ${session.headers['carnet-error'] ?? ''}`,
      )
    }
    const stays = await newcomer.visit(`${first.origin}/members`)
    note('the other browser', 'signed in, by bounce', stateOf(stays))
  }
  return steps
}

/** Prints the walk as a table. True where everything was as expected. */
export function printWalk(steps: readonly Step[]): boolean {
  const width = Math.max(...steps.map(({ step }) => step.length))
  for (const { step, expected, seen } of steps) {
    const good = seen === expected
    console.log(
      `  ${good ? '✓' : '✗'} ${step.padEnd(width)}  ${seen}${good ? '' : `   (expected: ${expected})`}`,
    )
  }
  const failed = steps.filter(({ expected, seen }) => seen !== expected).length
  console.log(`\n  ${steps.length - failed} of ${steps.length} steps as expected`)
  return failed === 0
}

/** Signs in by the form of the sign-in page. */
export async function signIn(browser: Browser, auth: string, password: string, search = ''): Promise<Reply> {
  const url = `${auth}/signin${search}`
  const page = await browser.request(url)
  const token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  return browser.submit(url, `/signin${search}`, { form_token: token, email: ADA.email, password })
}

/** The pixels that a fan-out page loads. */
export function pixelsOf(page: string): string[] {
  return [...page.matchAll(/<img class="pixel" src="([^"]+)"/g)].map(([, url = '']) =>
    url.replaceAll('&amp;', '&'),
  )
}

function stateOf(reply: Reply): string {
  if (!/id="state">Signed in/.test(reply.body))
    return reply.body.includes('id="state"') ? 'signed out' : `${reply.status}`
  return `signed in, by ${/data-via="(\w+)"/.exec(reply.body)?.[1]}`
}
