import crypto, { pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcryptjs'

/** A password hash that another system made. */
export type Verifier = (password: string) => boolean

const ARGON2 =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=(\d{1,7}),t=(\d{1,4}),p=(\d{1,3})\$([\w+/-]{11,86})\$([\w+/-]{16,171})$/
const SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([\w+/-]{1,171})\$([\w+/-]{16,171})=*$/
const PBKDF2 =
  /^\$pbkdf2-(sha1|sha256|sha512)\$(?:i=)?(\d{1,8})(?:,l=\d+)?\$([\w+/.-]{1,171})\$([\w+/.-]{16,171})$/
const DJANGO = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,8})\$([\w.-]{1,128})\$([\w+/]{16,171}=*)$/
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/**
 * Reads a hash of another system: bcrypt, and argon2, scrypt and PBKDF2 as PHC strings
 * (https://github.com/P-H-C/phc-string-format), PBKDF2 also as Django and passlib write it. Null for anything else, and
 * for costs with which one sign-in would take more than 256 MiB or about two seconds.
 */
export function readForeignHash(hash: string): Verifier | null {
  if (BCRYPT.test(hash)) return bcryptVerifier(hash)
  return argon2Verifier(hash) ?? scryptVerifier(hash) ?? pbkdf2Verifier(hash)
}

function bcryptVerifier(hash: string): Verifier {
  // `$2y$` is PHP's name of the same algorithm.
  const same = hash.replace(/^\$2y/, '$2b')
  // bcrypt stops at a NUL, so no password with one can have been meant.
  return password => !password.includes('\0') && bcrypt.compareSync(password, same)
}

function argon2Verifier(hash: string): Verifier | null {
  const match = ARGON2.exec(hash)
  // Node has it from 24.7 on.
  if (match === null || typeof crypto.argon2Sync !== 'function') return null
  const [, algorithm = '', memory, passes, parallelism, salt = '', digest = ''] = match
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  const { memory: kib, passes: rounds, parallelism: lanes } = parameters
  if (kib > 262_144 || kib * rounds > 1_048_576 || rounds < 1 || lanes < 1 || kib < 8 * lanes) return null
  const expected = Buffer.from(digest, 'base64')
  const nonce = Buffer.from(salt, 'base64')
  return message =>
    equal(
      crypto.argon2Sync(algorithm as 'argon2id', {
        ...parameters,
        message,
        nonce,
        tagLength: expected.length,
      }),
      expected,
    )
}

function scryptVerifier(hash: string): Verifier | null {
  const match = SCRYPT.exec(hash)
  if (match === null) return null
  const [, ln, r, p, salt = '', digest = ''] = match
  const [exponent, blockSize, lanes] = [Number(ln), Number(r), Number(p)]
  const N = 2 ** exponent
  const bytes = 128 * blockSize * (N + lanes)
  // RFC 7914 §2 asks for N < 2^(16 r).
  if (exponent < 1 || blockSize < 1 || lanes < 1 || exponent >= 16 * blockSize) return null
  if (bytes > 268_435_456 || bytes * lanes > 536_870_912) return null
  const expected = Buffer.from(digest, 'base64')
  const options = { N, r: blockSize, p: lanes, maxmem: bytes + 33_554_432 }
  const nonce = Buffer.from(salt, 'base64')
  return password => equal(scryptSync(password, nonce, expected.length, options), expected)
}

function pbkdf2Verifier(hash: string): Verifier | null {
  const phc = PBKDF2.exec(hash)
  const [, digest = '', iterations, salt = '', sum = ''] = phc ?? DJANGO.exec(hash) ?? []
  const rounds = Number(iterations)
  // Django's salt is the text itself; passlib writes a dot where base64 has a plus.
  const nonce = phc === null ? Buffer.from(salt) : Buffer.from(salt.replaceAll('.', '+'), 'base64')
  const expected = Buffer.from(sum.replaceAll('.', '+'), 'base64')
  const blocks = Math.ceil(expected.length / (DIGEST_BYTES[digest] ?? 1))
  if (digest === '' || rounds < 1 || rounds * blocks > 2_000_000) return null
  return password => equal(pbkdf2Sync(password, nonce, rounds, expected.length, digest), expected)
}

const DIGEST_BYTES: Record<string, number> = { sha1: 20, sha256: 32, sha512: 64 }

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
