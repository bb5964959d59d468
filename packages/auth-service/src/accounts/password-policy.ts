/** What is wrong with a new password. */
export type PasswordFault = 'short' | 'long' | 'common' | 'repeated' | 'personal'

/** Code points of the longest new password. */
export const LONGEST_NEW_PASSWORD = 256

const LEAST_OF_ITS_OWN = 6
const SEQUENCES = [
  '01234567890123456789',
  '98765432109876543210',
  'abcdefghijklmnopqrstuvwxyz',
  'zyxwvutsrqponmlkjihgfedcba',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
]

/**
 * Judges a new password after NIST SP 800-63B-4 §3.1.1.2: its length in code points, and no rules of composition, but
 * a list of what is common or expected. `words` are the service's and the person's: names, addresses, hosts. Null
 * where nothing is wrong.
 */
export async function judgePassword(
  password: string,
  { minLength, words }: { minLength: number; words: readonly string[] },
): Promise<PasswordFault | null> {
  // So long that nothing makes it short enough: it is not even looked at.
  if (password.length > 8 * LONGEST_NEW_PASSWORD) return 'long'
  const normal = password.normalize('NFKC')
  const length = [...normal].length
  if (length < minLength) return 'short'
  if (length > LONGEST_NEW_PASSWORD) return 'long'
  const plain = normal.toLowerCase()
  if (shortestUnit(plain).length <= 3 || isSequence(plain)) return 'repeated'
  if (await isCommon(plain)) return 'common'
  return isPersonal(plain, words) ? 'personal' : null
}

/** The shortest text of which this is a repetition: `abcabcab` → `abc`. */
function shortestUnit(text: string): string {
  for (let length = 1; length <= text.length / 2; length++) {
    const unit = text.slice(0, length)
    if (text === unit.repeat(Math.ceil(text.length / length)).slice(0, text.length)) return unit
  }
  return text
}

function isSequence(text: string): boolean {
  const letters = text.replace(/[\s\p{P}\p{S}]/gu, '')
  if (letters.length < 6) return false
  return SEQUENCES.some(sequence => sequence.repeat(Math.ceil(256 / sequence.length) + 1).includes(letters))
}

/** Whether it is on the list as it stands, repeated, or with digits and signs around it. */
async function isCommon(text: string): Promise<boolean> {
  const list = await commonPasswords()
  const unit = shortestUnit(text)
  const core = text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  return [text, unit, core, shortestUnit(core)].some(each => list.has(each))
}

/** Whether little is left of it without the words that anybody would try for this service and this person. */
function isPersonal(text: string, words: readonly string[]): boolean {
  const parts = words
    .flatMap(word => [word, ...word.split(/[^\p{L}\p{N}]+/u)])
    .map(word => word.normalize('NFKC').toLowerCase())
    .filter(word => word.length >= 3)
    .sort((a, b) => b.length - a.length)
  let rest = text
  for (const part of parts) rest = rest.replaceAll(part, ' ')
  if (rest === text) return false
  return rest.replace(/[^\p{L}]/gu, '').length < LEAST_OF_ITS_OWN
}

let loaded: Promise<ReadonlySet<string>> | null = null

// Some 50,000, most common first (zxcvbn-ts): loaded with the first new password, since few processes see one.
function commonPasswords(): Promise<ReadonlySet<string>> {
  loaded ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'] as readonly string[]),
  )
  return loaded
}
