import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import puppeteer from 'puppeteer-core'

/** The few deeds that the tests ask of a browser, whichever it is. */
export interface RealBrowser {
  /** Goes to a page and waits until it stays; the URL it ended at. */
  goto(url: string): Promise<string>
  fill(selector: string, value: string): Promise<void>
  /** Clicks, and waits until a page whose URL begins so has loaded. */
  click(selector: string, thenAt: string): Promise<void>
  text(selector: string): Promise<string>
  attribute(selector: string, name: string): Promise<string>
  close(): Promise<void>
}

/** Where a browser finds the hosts, and whom it believes. */
export interface Ground {
  readonly spki: string
}

const PATIENCE_MS = 30_000

/** How Chromium is to be. */
export interface ChromiumOptions {
  /** Allowed or blocked, in so many words. */
  thirdPartyCookies: boolean
  /** False: pages run no script. Default: true. */
  script?: boolean
  /** A folder that outlives the browser, for one that is started again. Default: a fresh one, gone with it. */
  profile?: string
}

/** Chromium, with its page at hand for what only it is asked. */
export interface Chromium extends RealBrowser {
  readonly page: Page
}

/** A folder for a profile. */
export function newProfile(): string {
  return mkdtempSync(join(tmpdir(), 'carnet-chromium-'))
}

/** Removes a profile's folder. */
export function removeProfile(profile: string): void {
  rmSync(profile, { recursive: true, force: true })
}

/** Debian's Chromium. */
export async function openChromium({ spki }: Ground, options: ChromiumOptions): Promise<Chromium> {
  const { thirdPartyCookies, script = true, profile = newProfile() } = options
  if (!existsSync(join(profile, 'Default'))) {
    mkdirSync(join(profile, 'Default'))
    const preferences = { profile: { cookie_controls_mode: thirdPartyCookies ? 0 : 1 } }
    writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify(preferences))
  }
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    javaScriptEnabled: script,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--password-store=basic',
      '--host-resolver-rules=MAP *.test 127.0.0.1',
      `--ignore-certificate-errors-spki-list=${spki}`,
    ],
  })
  const page = context.pages()[0] ?? (await context.newPage())
  page.setDefaultTimeout(PATIENCE_MS)
  return {
    page,
    async goto(url) {
      await page.goto(url)
      return page.url()
    },
    fill: (selector, value) => page.fill(selector, value),
    async click(selector, thenAt) {
      // The page that is left may have such a URL too.
      const left = page.waitForEvent('framenavigated', frame => frame === page.mainFrame())
      await Promise.all([left, page.click(selector)])
      await page.waitForURL(url => url.href.startsWith(thenAt))
    },
    text: async selector => (await page.textContent(selector)) ?? '',
    attribute: async (selector, name) => (await page.getAttribute(selector, name)) ?? '',
    async close() {
      await context.close()
      if (options.profile === undefined) removeProfile(profile)
    },
  }
}

/** Debian's Firefox ESR with a fresh profile and its default: Total Cookie Protection. */
export async function openFirefox(): Promise<RealBrowser> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      'remote.prefs.recommended': false,
      'network.dns.forceResolve': '127.0.0.1',
      'network.cookie.cookieBehavior': 5,
    },
  })
  const page = await browser.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const value = <T>(selector: string, read: (element: Element, name?: string) => T, name?: string) =>
    page.waitForSelector(selector).then(() => page.$eval(selector, read, name))
  return {
    async goto(url) {
      await page.goto(url)
      return page.url()
    },
    async fill(selector, text) {
      await page.waitForSelector(selector)
      await page.type(selector, text)
    },
    async click(selector, thenAt) {
      await page.waitForSelector(selector)
      await page.click(selector)
      await page.waitForFunction(
        (start: string) => location.href.startsWith(start) && document.readyState === 'complete',
        {},
        thenAt,
      )
    },
    text: selector => value(selector, element => element.textContent ?? ''),
    attribute: (selector, name) =>
      value(selector, (element, attribute) => element.getAttribute(attribute ?? '') ?? '', name),
    close: () => browser.close(),
  }
}
