import { createHmac } from 'node:crypto'
import bcrypt from 'bcryptjs'
import { readForeignHash } from './foreign-hash.ts'

/** Marks our own hashes: bcrypt over a digest. What bears no mark was made elsewhere. */
export const SCHEME = '{hmac-sha256}'

export function hash({ password, cost }: { password: string; cost: number }): string {
  return SCHEME + bcrypt.hashSync(prehash(password), cost)
}

export function verify({ password, hash }: { password: string; hash: string }): boolean {
  if (hash.startsWith(SCHEME)) return bcrypt.compareSync(prehash(password), hash.slice(SCHEME.length))
  try {
    return readForeignHash(hash)?.(password) ?? false
  } catch {
    // One that only looks like a hash opens nothing.
    return false
  }
}

/**
 * bcrypt reads 72 bytes and stops at a NUL; a digest makes every character count. It is keyed by a word of our own, so
 * that digests leaked elsewhere are no candidates. NFKC, since keyboards differ (NIST SP 800-63B-4 §3.1.1.2).
 */
function prehash(password: string): string {
  return createHmac('sha256', 'carnet password').update(password.normalize('NFKC')).digest('base64')
}
