import { about, type Finding } from './finding.ts'

const MOST_APART_MS = 2_000

/** Whether another machine's clock goes as this one's does; `ahead` in ms. */
export function examineClock(whose: string, ahead: number): Finding {
  const { ok, warning } = about('clock')
  const apart = Math.abs(ahead)
  const seconds = (apart / 1000).toFixed(1)
  if (apart < MOST_APART_MS) return ok(`${whose} is ${seconds} s apart from this machine`)
  return warning(
    `${whose} is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine: let both follow NTP.`,
  )
}
