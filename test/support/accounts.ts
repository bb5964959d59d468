import { Browser, type Reply } from '@carnet/demo/browser'
import { until } from './until.ts'
import { postJson, type World } from './world.ts'

/** A password that the policy lets pass. */
export const GOOD_PASSWORD = 'seven purple kettles sing'

/** A mail as `/dev/mail` lists it. */
export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly sentAt: number
}

/** The form on a page: opens it, and sends it with what is given. */
export async function submitForm(
  browser: Browser,
  url: string,
  fields: Record<string, string>,
  nth = 0,
): Promise<Reply> {
  const page = await browser.request(url)
  const form = [...page.body.matchAll(/<form method="post" action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/g)][nth]
  if (form === undefined)
    throw new Error(`${url} has no such form: ${page.status} ${page.body.slice(0, 200)}`)
  const hidden = [...(form[2] ?? '').matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  const all = { ...Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value])), ...fields }
  return browser.submit(url, (form[1] ?? '').replaceAll('&amp;', '&'), all)
}

/** Registers by JSON; the answer. */
export function signUp(world: World, browser: Browser, email: string, more: object = {}): Promise<Reply> {
  return postJson(browser, `${world.auth}/signup`, {
    name: 'Grace',
    email,
    password: GOOD_PASSWORD,
    passwordAgain: GOOD_PASSWORD,
    ...more,
  })
}

/** All mails to an address, the latest first. */
export async function mailsTo(world: World, address: string): Promise<Mail[]> {
  const reply = await new Browser().request(`${world.auth}/dev/mail`, {
    headers: { accept: 'application/json' },
  })
  const { data } = JSON.parse(Buffer.from(reply.body, 'latin1').toString('utf8')) as { data: Mail[] }
  return data.filter(({ to }) => to === address)
}

/** Waits for a mail to an address whose text matches; the newest. */
export async function mailTo(world: World, address: string, about: RegExp): Promise<Mail> {
  let found: Mail | undefined
  await until(async () => {
    found = (await mailsTo(world, address)).find(({ subject, text }) => about.test(`${subject}\n${text}`))
    return found !== undefined
  })
  return found as Mail
}

/** Waits for a mail to an address with a link to a path; the newest link. Asks the service itself, so over TLS too. */
export async function mailedLink({ auth, service }: World, address: string, path: string): Promise<string> {
  const start = `${auth}${path}?`
  let link: string | undefined
  await until(() => {
    const letters = service.desk.kept?.letters.filter(({ to }) => to === address) ?? []
    link = letters.flatMap(({ text }) => text.split(/\s+/)).find(word => word.startsWith(start))
    return link !== undefined
  })
  return link as string
}

/** The link in a mail. */
export function linkIn({ text }: Mail): string {
  return /https?:\/\/\S+token=\S+/.exec(text)?.[0] ?? ''
}

/** The token in a mail's link. */
export function tokenIn(mail: Mail): string {
  return new URL(linkIn(mail)).searchParams.get('token') ?? ''
}

/** The body of a JSON answer. */
export function jsonOf(reply: Reply): {
  code: number
  error?: string
  message: string
  fields?: Record<string, string>
  data?: Record<string, unknown>
} {
  return JSON.parse(Buffer.from(reply.body, 'latin1').toString('utf8')) as ReturnType<typeof jsonOf>
}
