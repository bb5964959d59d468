import { openStore } from '@carnet/protocol'
import test from 'ava'
import { parseRedisUrl, type RedisTarget } from '../../packages/protocol/src/store/redis-url.ts'

const PLAIN: Omit<RedisTarget, 'kind' | 'nodes'> = {
  tls: false,
  username: null,
  password: null,
  name: '',
  sentinelPassword: null,
  database: 0,
}

const node = (host: string, port: number) => ({ host, port })

const FORMS: [string, Partial<RedisTarget>][] = [
  ['redis://cache', { kind: 'single', nodes: [node('cache', 6379)] }],
  ['redis://cache:7000', { kind: 'single', nodes: [node('cache', 7000)] }],
  ['redis://cache:7000/', { kind: 'single', nodes: [node('cache', 7000)] }],
  ['redis://10.0.0.1/3', { kind: 'single', nodes: [node('10.0.0.1', 6379)], database: 3 }],
  ['redis://[::1]:7000', { kind: 'single', nodes: [node('::1', 7000)] }],
  ['redis://[2001:db8::1]', { kind: 'single', nodes: [node('2001:db8::1', 6379)] }],
  ['rediss://cache', { kind: 'single', nodes: [node('cache', 6379)], tls: true }],
  ['redis://:pw@cache', { kind: 'single', nodes: [node('cache', 6379)], password: 'pw' }],
  ['redis://app@cache', { kind: 'single', nodes: [node('cache', 6379)], username: 'app' }],
  ['redis://app:@cache', { kind: 'single', nodes: [node('cache', 6379)], username: 'app' }],
  [
    'redis://a%3Ap:p%40s%2Fs%3Aw%20+d@cache',
    { kind: 'single', nodes: [node('cache', 6379)], username: 'a:p', password: 'p@s/s:w +d' },
  ],
  [
    'redis+sentinel://a,b:26380,[::1]/mymaster',
    { kind: 'sentinel', nodes: [node('a', 26379), node('b', 26380), node('::1', 26379)], name: 'mymaster' },
  ],
  [
    'rediss+sentinel://app:pw@a,b/my%20master?sentinel-password=s%26p',
    {
      kind: 'sentinel',
      nodes: [node('a', 26379), node('b', 26379)],
      tls: true,
      username: 'app',
      password: 'pw',
      name: 'my master',
      sentinelPassword: 's&p',
    },
  ],
  ['redis+sentinel://a/12', { kind: 'sentinel', nodes: [node('a', 26379)], name: '12' }],
  ['redis+cluster://a:7000,b', { kind: 'cluster', nodes: [node('a', 7000), node('b', 6379)] }],
  ['redis+cluster://a,b/', { kind: 'cluster', nodes: [node('a', 6379), node('b', 6379)] }],
  [
    'rediss+cluster://app:pw@a',
    { kind: 'cluster', nodes: [node('a', 6379)], tls: true, username: 'app', password: 'pw' },
  ],
]

for (const [url, target] of FORMS) {
  test(`${url} is understood`, t => {
    t.deepEqual(parseRedisUrl(url), { ...PLAIN, ...target } as RedisTarget)
  })
}

const SECRET = 's3cret'

const FAULTS = [
  `redis://:${SECRET}@`,
  'redis://',
  'redis:///0',
  `redis://:${SECRET}@a,b`,
  `redis://:${SECRET}@a/mymaster`,
  `redis://:${SECRET}@a/-1`,
  `redis://:${SECRET}@a/1.5`,
  `redis://:${SECRET}@a:port`,
  `redis://:${SECRET}@a:70000`,
  `redis://:${SECRET}@[::1`,
  `redis://:x@y${SECRET}@a`,
  `redis://:x/${SECRET}@a`,
  `redis://:x@y?${SECRET}@a`,
  `redis://:x@y?x=${SECRET}@a`,
  `redis://app:12/${SECRET}@a`,
  `redis://:%zz${SECRET}@a`,
  `redis://%zz:${SECRET}@a`,
  `redis://:${SECRET}@a?db=1`,
  `redis+sentinel://:${SECRET}@a,b`,
  `redis+sentinel://:${SECRET}@a,b/`,
  `redis+sentinel://:${SECRET}@a,,b/mymaster`,
  `redis+sentinel://app:12/${SECRET}@a/mymaster`,
  `redis+sentinel://app:12/${SECRET}@a`,
  `redis+sentinel://:${SECRET}@a,b/%zz`,
  `redis+cluster://:${SECRET}@a,b/1`,
  `redis+cluster://:${SECRET}@a,`,
  `redis+other://:${SECRET}@a`,
  `REDIS://:${SECRET}@a`,
  `http://:${SECRET}@a`,
  `${SECRET}@a:6379`,
  SECRET,
  '',
]

for (const url of FAULTS) {
  test(`${JSON.stringify(url)} is refused, and the refusal shows no password`, async t => {
    // What a store is opened with comes from the environment, and the refusal goes to a log.
    for (const open of [async () => parseRedisUrl(url), () => openStore(url)]) {
      const error = await t.throwsAsync(open, { instanceOf: TypeError })
      t.false(`${error?.stack} ${JSON.stringify(error)} ${String(error?.cause)}`.includes(SECRET))
    }
  })
}

test('a refusal says how that kind of Redis is named', t => {
  t.throws(() => parseRedisUrl('redis://a,b'), { message: /redis:\/\/host:6379/ })
  t.throws(() => parseRedisUrl('redis+sentinel://a,b'), { message: /redis\+sentinel:\/\/.*\/mymaster/ })
  t.throws(() => parseRedisUrl('redis+cluster://a/1'), { message: /redis\+cluster:\/\// })
})
