import type { Result } from 'ioredis'

// Burns the ticket and reads its session in one atomic step. The ticket's first line names the session's key, which
// lies in the same slot.
const REDEEM = `
local ticket = redis.call('GETDEL', KEYS[1])
if not ticket then return false end
return { ticket, redis.call('GET', string.match(ticket, '^[^\\n]+')) }`

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

// A session that is gone may have been remembered; one that is there says so itself.
const REVOKE = `
local stored = redis.call('GET', KEYS[1])
local until_ = stored and string.match(stored, '^%d+ (%d+)') or ARGV[3]
if tonumber(until_) > 0 then redis.call('SET', KEYS[2], '', 'PXAT', until_) end
local ended = redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return ended`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    carnetRedeem(ticketKey: string): Result<[string, string | null] | null, Context>
    carnetStart(
      sessionKey: string,
      tombstoneKey: string,
      session: string,
      until: number,
    ): Result<number, Context>
    carnetRenew(sessionKey: string, revision: number, user: string): Result<number, Context>
    carnetRevoke(
      sessionKey: string,
      tombstoneKey: string,
      channel: string,
      handle: string,
      rememberUntil: number,
    ): Result<number, Context>
  }
}

/** The steps that Redis takes as one, by the names of their commands. A session and its tickets share a slot. */
export const SCRIPTS: Readonly<Record<string, { lua: string; numberOfKeys: number }>> = {
  carnetRedeem: { lua: REDEEM, numberOfKeys: 1 },
  carnetStart: { lua: START, numberOfKeys: 2 },
  carnetRenew: { lua: RENEW, numberOfKeys: 1 },
  carnetRevoke: { lua: REVOKE, numberOfKeys: 2 },
}
