import bowser from 'bowser'

const BROWSERS = new Set(Object.values(bowser.BROWSER_MAP))
const SYSTEMS = new Set(Object.values(bowser.OS_MAP))

/** What a User-Agent header says of the device, `Firefox on Linux`; empty where it says nothing that is known. */
export function deviceName(userAgent: string): string {
  const text = userAgent.slice(0, 512).replaceAll(/\p{Cc}/gu, '')
  if (text === '') return ''
  const { browser, os } = bowser.parse(text)
  // Of a browser that it does not know, bowser returns the header's own words, and these go into mails.
  const known = [BROWSERS.has(browser.name ?? '') && browser.name, SYSTEMS.has(os.name ?? '') && os.name]
  return known.filter(Boolean).join(' on ')
}
