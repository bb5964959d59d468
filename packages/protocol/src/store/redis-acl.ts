// Rules for Redis 7 and later, whose selectors (in parentheses) tie commands to keys:
// https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/#selectors

// What every connection does, and what finds its way on a cluster; none of it shows or changes a key.
const CONNECTION = [
  ...['hello', 'ping', 'info', 'time', 'wait', 'multi', 'exec', 'discard', 'select', 'asking', 'readonly'],
  ...['readwrite', 'client|setname', 'cluster|slots', 'cluster|shards', 'cluster|info'],
  ...['unsubscribe', 'sunsubscribe'],
]

/**
 * What a site's agent may do: redeem its own site's tickets, burn any that it is shown, read, touch and revoke sessions
 * whose sid it knows, hear what is to be forgotten, and tell the audit log what happened at its site. Not: list keys, read
 * other sites' tickets, mint tickets, write sessions, run scripts, read what was told, or pretend to be the auth service
 * or another site.
 */
export function agentRules(site: string): string {
  return rules([
    '(+get +exists %R~carnet:s:* %R~carnet:reign:*)',
    '(+pexpireat +del %W~carnet:s:*)',
    `(+getdel %RW~carnet:t:${site}:*)`,
    '(+del %W~carnet:t:*)',
    '(+set %W~carnet:r:*)',
    '(+sadd %W~carnet:unnoted:*)',
    '(+sismember %R~carnet:unnoted:*)',
    `(+lpush +ltrim +pexpire %W~carnet:reports:{${site}})`,
    '(+publish +spublish resetchannels &carnet:forget:*)',
    '(+subscribe +ssubscribe resetchannels &carnet:forget:* &carnet:beat:*)',
  ])
}

/** What the auth service may do: all that it does, with Carnet's keys and channels only. */
export function serviceRules(): string {
  return rules([
    '(+@read +@write +evalsha +eval +script|load +script|exists -@dangerous %RW~carnet:*)',
    '(+publish +spublish +subscribe +ssubscribe resetchannels &carnet:*)',
  ])
}

function rules(selectors: readonly string[]): string {
  const connection = CONNECTION.map(command => `+${command}`)
  return ['resetkeys', 'resetchannels', '-@all', ...connection, ...selectors].join(' ')
}
