import type { Result } from 'ioredis'

// The auth service's own: agents run no scripts.

// Nothing brings a revoked session back: not even the browser that is remembered.
const START = `
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2], 'NX')
return 1`

const RENEW = `
local stored = redis.call('GET', KEYS[1])
if not stored then return 0 end
local before, revision, after = string.match(stored, '^(%d+ %d+ )(%d+)( [^\\n]+)')
if tonumber(revision) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], before .. ARGV[1] .. after .. '\\n' .. ARGV[2], 'XX', 'KEEPTTL')
end
return 1`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    carnetStart(
      sessionKey: string,
      tombstoneKey: string,
      session: string,
      until: number,
    ): Result<number, Context>
    carnetRenew(sessionKey: string, revision: number, user: string): Result<number, Context>
  }
}

/** The steps that Redis takes as one, by the names of their commands. */
export const SCRIPTS: Readonly<Record<string, { lua: string; numberOfKeys: number }>> = {
  carnetStart: { lua: START, numberOfKeys: 2 },
  carnetRenew: { lua: RENEW, numberOfKeys: 1 },
}
