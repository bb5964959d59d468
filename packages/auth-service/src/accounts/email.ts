/**
 * The one spelling of an e-mail address: NFKC, trimmed, in lower case. Null for what is none: it has one `@` with
 * something on both sides, no space and no control character, and at most 254 characters (RFC 5321 §4.5.3.1).
 */
export function normalizeEmail(input: string): string | null {
  if (input.length > 320) return null
  const email = input.normalize('NFKC').trim().toLowerCase()
  const [local, domain, ...more] = email.split('@')
  if (!local || !domain || more.length > 0 || email.length > 254) return null
  return /[\s\p{C}<>",;:\\()[\]]/u.test(email) ? null : email
}
