/** A value from outside for a table: without what a terminal would obey instead of showing, such as control codes. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '')
}

/** A value as JSON, with escapes for the same characters. */
export function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(/[^\P{C}\n]/gu, escaped)
}

function escaped(character: string): string {
  return character
    .split('')
    .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
