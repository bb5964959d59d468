const UNITS = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

/** A number as people say it: `1.2 M`. */
export function shown(value: number): string {
  const [size, name] = UNITS.find(([least]) => value >= least * 0.9995) ?? [1, '']
  return `${digits(value / size)}${name === '' ? '' : ` ${name}`}`
}

/** Bytes: `1.2 GB`. */
export function shownBytes(bytes: number): string {
  const [size, name] = [[1e12, 'TB'] as const, [1e9, 'GB'] as const, [1e6, 'MB'] as const].find(
    ([least]) => bytes >= least * 0.9995,
  ) ?? [1e3, 'kB']
  return `${digits(bytes / size)} ${name}`
}

/** A part of a whole: `12 %`. More than all of it is told as a multiple: `3.4 ×`. */
export function shownShare(share: number): string {
  return share < 1.9995 ? `${digits(share * 100)} %` : `${shown(share)} ×`
}

/** A time: `850 ms`, `12 s`, `3.1 h`. */
export function shownTime(ms: number): string {
  if (ms < 1_000) return `${digits(ms)} ms`
  if (ms < 600_000) return `${digits(ms / 1_000)} s`
  if (ms < 7_200_000) return `${digits(ms / 60_000)} min`
  return ms < 172_800_000 ? `${digits(ms / 3_600_000)} h` : `${shown(ms / 86_400_000)} days`
}

/** Two digits, or all that stand before the point. */
export function digits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(2)))
}
