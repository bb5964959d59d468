import type { Manifest, User } from '@carnet/protocol'
import { type Html, html } from '../html.ts'
import { isLanguage, LANGUAGES } from '../texts/languages.ts'
import type { DueMail } from './outbox.ts'

/** A mail as it is sent. */
export interface Letter {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** The links of mails, absolute. */
export interface Links {
  readonly verify: (token: string) => string
  readonly reset: (token: string) => string
  readonly signIn: string
  readonly forgot: string
  readonly sessions: string
}

interface Content {
  readonly subject: string
  /** Paragraphs above the link. */
  readonly text: readonly string[]
  /** Absent where there is nothing to follow. */
  readonly button?: string
  readonly link?: string
  readonly notes: readonly string[]
}

/** Writes a mail. `token` is for the kinds that prove an address; `user` is null where the account is gone. */
export function writeLetter(
  mail: DueMail,
  user: User | null,
  { manifest, token, links }: { manifest: Manifest; token: string; links: Links },
): Letter {
  const { language } = mail.details
  const texts = LANGUAGES[isLanguage(language) ? language : 'en']
  const site = manifest.sites.find(({ id }) => id === mail.details.site)
  const brand = { ...manifest.brand, ...site?.brand }
  const content = contentOf(mail, brand.name, token, links)
  // Whoever gave this address chose the name as well: it may say anything until the address is known to be theirs.
  const known = user?.emailVerified === true && mail.address === user.email
  const greeting = known ? [texts.mail.greeting(user.name)] : []
  const footer = texts.mail.footer(brand.name, mail.address)
  const { subject, text, button, link, notes } = content
  return {
    to: mail.address,
    subject,
    text: [...greeting, ...text, ...(link === undefined ? [] : [link]), ...notes, `-- \n${footer}`].join(
      '\n\n',
    ),
    html: page(isLanguage(language) ? language : 'en', brand.accent, [
      ...greeting.map(line => html`<p>${line}</p>`),
      ...text.map(paragraph),
      ...(link === undefined || button === undefined
        ? []
        : [
            html`<p><a class="button" href="${link}">${button}</a></p>`,
            html`<p class="small"><a href="${link}">${link}</a></p>`,
          ]),
      ...notes.map(note => html`<p>${note}</p>`),
      html`<p class="small">${footer}</p>`,
    ]).text,
  }
}

function contentOf(mail: DueMail, brand: string, token: string, links: Links): Content {
  const { language, other = '' } = mail.details
  const { mail: words } = LANGUAGES[isLanguage(language) ? language : 'en']
  switch (mail.kind) {
    case 'verify':
      return {
        ...textsOf(words.verify, brand),
        link: links.verify(token),
        notes: [words.until(words.hour), words.verify.notYou],
      }
    case 'taken':
      return {
        ...textsOf(words.taken, brand),
        text: [`${words.taken.text(brand)}\n\n${links.forgot}`],
        link: links.signIn,
        notes: [words.ignore],
      }
    case 'reset':
      return {
        ...textsOf(words.reset, brand),
        link: links.reset(token),
        notes: [words.until(words.halfHour), words.ignore],
      }
    case 'change-email':
      return {
        ...textsOf(words.changeEmail, brand),
        link: links.verify(token),
        notes: [words.until(words.hour), words.ignore],
      }
    case 'change-asked':
      return {
        subject: words.changeAsked.subject(brand),
        text: [words.changeAsked.text(brand, other), whereIn(mail), words.changeAsked.notYou],
        button: words.changeAsked.button,
        link: links.forgot,
        notes: [],
      }
    case 'email-changed':
      return {
        subject: words.emailChanged.subject(brand),
        text: [words.emailChanged.text(brand, other), whereIn(mail), words.emailChanged.notYou],
        button: words.emailChanged.button,
        link: links.sessions,
        notes: [words.lastResort],
      }
    case 'password-changed':
      return {
        ...textsOf(words.passwordChanged, brand),
        text: [words.passwordChanged.text(brand), whereIn(mail), words.passwordChanged.notYou],
        link: links.forgot,
        notes: [],
      }
    case 'stolen':
      return { ...textsOf(words.stolen, brand), link: links.forgot, notes: [] }
    case 'new-device':
      return {
        subject: words.newDevice.subject(brand),
        text: [words.newDevice.text(brand, whereIn(mail))],
        button: words.newDevice.button,
        link: links.sessions,
        notes: [],
      }
    case 'account-removed':
      return {
        subject: words.removed.subject(brand),
        text: [words.removed.text(brand), whereIn(mail)],
        notes: [words.removed.notYou],
      }
    case 'nothing':
      throw new TypeError('A mail to nobody has no content.')
  }
}

/** Where and when it happened, as far as that is known. */
function whereIn({ details: { language, device = '', network = '', at = 0 } }: DueMail): string {
  const tag = isLanguage(language) ? language : 'en'
  const format = new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  return [device, network, `${format.format(at)} UTC`].filter(part => part !== '').join(' · ')
}

function textsOf(
  words: { subject: (brand: string) => string; text: (brand: string) => string; button: string },
  brand: string,
): { subject: string; text: string[]; button: string } {
  return { subject: words.subject(brand), text: [words.text(brand)], button: words.button }
}

function page(language: string, accent: string, parts: readonly Html[]): Html {
  return html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
.button { display: inline-block; padding: .7rem 1.2rem; border: 2px solid ${accent}; border-radius: .5rem; font-weight: 600; color: inherit; text-decoration: none; }
.small { font-size: 14px; overflow-wrap: anywhere; }
</style></head><body>
${parts.map(part => html`${part}\n`)}</body></html>
`
}

function paragraph(text: string): Html {
  return html`<p>${text.split('\n').map((line, index) => html`${index > 0 && html`<br>`}${line}`)}</p>`
}
