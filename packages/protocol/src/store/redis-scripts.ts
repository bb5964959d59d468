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

// Any agent may enter anything: what is no handle leaves here, byte for byte, and is not sent to anybody. Its members are
// sampled in an order that nobody can choose; where they are large, few are looked at at once.
const UNNOTED = `
local size = redis.call('SCARD', KEYS[1])
if size == 0 then return {0} end
local bytes = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 100)
local some = redis.call('SRANDMEMBER', KEYS[1], bytes > size * 1024 and 2 or ARGV[1])
local answer = {0}
for _, member in ipairs(some) do
  if #member == 32 and not string.find(member, '[^0-9a-f]') then
    answer[#answer + 1] = member
  else
    redis.call('SREM', KEYS[1], member)
    answer[1] = answer[1] + 1
  end
end
return answer`

// Sites write this list: of one that has grown beyond all that an agent of ours writes, nothing is fetched.
const REPORTS = `
local length = redis.call('LLEN', KEYS[1])
if length == 0 then return {} end
if length > 10 * ARGV[1] or redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0) > tonumber(ARGV[2]) then
  redis.call('UNLINK', KEYS[1])
  return false
end
return redis.call('RPOP', KEYS[1], ARGV[1])`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    carnetStart(
      sessionKey: string,
      tombstoneKey: string,
      session: string,
      until: number,
    ): Result<number, Context>
    carnetRenew(sessionKey: string, revision: number, user: string): Result<number, Context>
    /** How many entries were no handles and are gone, and some handles. */
    carnetUnnoted(unnotedKey: string, most: number): Result<[number, ...string[]], Context>
    /** The oldest reports; null where there were more than `mostBytes`, which are gone. */
    carnetReports(reportsKey: string, most: number, mostBytes: number): Result<string[] | null, Context>
  }
}

/** The steps that Redis takes as one, by the names of their commands. */
export const SCRIPTS: Readonly<Record<string, { lua: string; numberOfKeys: number }>> = {
  carnetStart: { lua: START, numberOfKeys: 2 },
  carnetRenew: { lua: RENEW, numberOfKeys: 1 },
  carnetUnnoted: { lua: UNNOTED, numberOfKeys: 1 },
  carnetReports: { lua: REPORTS, numberOfKeys: 1 },
}
