import { hash } from 'node:crypto'

/**
 * The public name of a session: 128 bits of the sid's SHA-256 in hex, 32 characters, so that it is one word to a shell.
 * It opens nothing, so it may stand in logs, in revocation messages and in what an app keeps.
 */
export function sessionHandle(sid: string): string {
  return hash('sha256', sid, 'hex').slice(0, 32)
}
