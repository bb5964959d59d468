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
const BCRYPT = /^\$2[abxy]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/

/**
 * Reads a hash of another system: bcrypt, and argon2, scrypt and PBKDF2 as PHC strings
 * (https://github.com/P-H-C/phc-string-format), PBKDF2 also as Django and passlib write it. Null for anything else, and
 * for costs with which one sign-in would take more than 256 MiB or some seconds.
 */
export function readForeignHash(hash: string): Verifier | null {
  if (BCRYPT.test(hash)) return bcryptVerifier(hash)
  return argon2Verifier(hash) ?? scryptVerifier(hash) ?? pbkdf2Verifier(hash)
}

function bcryptVerifier(hash: string): Verifier {
  // `$2y$` is PHP's name and `$2x$` an old mistake's; the former is the same algorithm.
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
  const work = parameters.memory * parameters.passes
  const { memory: kib, passes: rounds, parallelism: lanes } = parameters
  if (kib > 262_144 || work > 2_097_152 || rounds < 1 || lanes < 1 || kib < 8 * lanes) return null
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
  const [N, blockSize, lanes] = [2 ** Number(ln), Number(r), Number(p)]
  const bytes = 128 * N * blockSize
  if (N < 2 || blockSize < 1 || lanes < 1 || bytes > 268_435_456 || bytes * lanes > 1_073_741_824) return null
  const expected = Buffer.from(digest, 'base64')
  const options = { N, r: blockSize, p: lanes, maxmem: bytes + 33_554_432 }
  const nonce = Buffer.from(salt, 'base64')
  return password => equal(scryptSync(password, nonce, expected.length, options), expected)
}

function pbkdf2Verifier(hash: string): Verifier | null {
  const phc = PBKDF2.exec(hash)
  const [, digest = '', iterations, salt = '', sum = ''] = phc ?? DJANGO.exec(hash) ?? []
  const rounds = Number(iterations)
  if (digest === '' || rounds < 1 || rounds > 5_000_000) return null
  // Django's salt is the text itself; passlib writes a dot where base64 has a plus.
  const nonce = phc === null ? Buffer.from(salt) : Buffer.from(salt.replaceAll('.', '+'), 'base64')
  const expected = Buffer.from(sum.replaceAll('.', '+'), 'base64')
  return password => equal(pbkdf2Sync(password, nonce, rounds, expected.length, digest), expected)
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
