import bowser from 'bowser'

/** What a User-Agent header says of the device, `Firefox on Linux`; empty where it says nothing that is known. */
export function deviceName(userAgent: string): string {
  const text = userAgent.slice(0, 512).replaceAll(/\p{Cc}/gu, '')
  if (text === '') return ''
  const { browser, os } = bowser.parse(text)
  return [browser.name, os.name].filter(name => name !== undefined && name !== '').join(' on ')
}
