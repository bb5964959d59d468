import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'

const WIDE = { width: 1280, height: 800 }
const NARROW = { width: 360, height: 740 }

/** How pages are looked at. Those with a picture leave one where `CARNET_SHOTS` names a folder. */
const VIEWS = [
  { view: 'wide-light', size: WIDE, colorScheme: 'light', picture: true },
  { view: 'wide-dark', size: WIDE, colorScheme: 'dark', picture: false },
  { view: 'narrow-light', size: NARROW, colorScheme: 'light', picture: false },
  { view: 'narrow-dark', size: NARROW, colorScheme: 'dark', picture: true },
] as const

const shots = process.env['CARNET_SHOTS'] ?? ''

/**
 * What is wrong with the page that a browser is at, in every view: what axe-core finds by all its rules, and a page
 * wider than its screen. Empty where all is well.
 */
export async function pageFaults(page: Page, name: string): Promise<string[]> {
  const faults: string[] = []
  await page.evaluate(axe.source)
  for (const { view, size, colorScheme, picture } of VIEWS) {
    await page.setViewportSize(size)
    await page.emulateMedia({ colorScheme })
    const found = await page.evaluate(findFaults)
    faults.push(...found.map(fault => `${name}, ${view}: ${fault}`))
    if (!picture || shots === '') continue
    mkdirSync(shots, { recursive: true })
    await page.screenshot({
      path: join(shots, `${name.replaceAll(/\W+/g, '-')}.${view}.png`),
      fullPage: true,
    })
  }
  return faults
}

/** Runs within the page. */
async function findFaults(): Promise<string[]> {
  const { axe: here } = globalThis as unknown as { axe: typeof axe }
  // Of the rules for WCAG 2.2 AA, the one that is off by default.
  const { violations } = await here.run({ rules: { 'target-size': { enabled: true } } })
  const faults = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  )
  const { scrollWidth, clientWidth } = document.documentElement
  return scrollWidth > clientWidth
    ? [...faults, `${scrollWidth - clientWidth} px wider than the screen`]
    : faults
}
