import test from 'ava'
import { judgePassword } from '../../packages/auth-service/src/accounts/password-policy.ts'

const words = ['Example Shop', 'auth.example.com', 'shop.example', 'Ada Lovelace', 'ada.lovelace@example.com']
const judge = (password: string, minLength = 15) => judgePassword(password, { minLength, words })

test('a password is as long as it has characters, whichever they are', async t => {
  t.is(await judge('12345678901234'.replace('9', 'x')), 'short')
  t.is(await judge('kjmpqzwvxnbtrf'), 'short')
  t.is(await judge('kjmpqzwvxnbtrfg'), null)
  t.is(await judge('😀🙈🍇🥝🦊🐙🌵🔥🎈🚲🛶🧩🪁🎻🥁'), null, 'fifteen code points')
  t.is(await judge('😀🙈🍇🥝🦊🐙🌵🔥🎈🚲🛶🧩🪁🎻'), 'short')
  const long = Array.from({ length: 256 }, (_, index) =>
    String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000)),
  ).join('')
  t.is(await judge(long), null)
  t.is(await judge(`${long}x`), 'long')
})

test('there are no rules of composition', async t => {
  for (const password of [
    'correct horse battery staple',
    'seven purple kettles sing',
    '八匹正确的马在电池上订书钉跳舞啊',
    'kjmpqzwvxnbtrfgh',
  ])
    t.is(await judge(password), null, password)
})

test('what is common, repeated, in a row, or says who and where, is refused with the reason', async t => {
  for (const [password, fault] of [
    ['password', 'common'],
    ['PASSWORD', 'common'],
    ['password123!', 'common'],
    ['ｐａｓｓｗｏｒｄ', 'common'],
    ['iloveyou2026!!', 'common'],
    ['passwordpassword', 'common'],
    ['aaaaaaaaaaaaaaaa', 'repeated'],
    ['abcabcabcabcabcabc', 'repeated'],
    ['1234567890123456', 'repeated'],
    ['abcdefghijklmnop', 'repeated'],
    ['qwertyuiopasdfgh', 'repeated'],
    ['1234-5678-9012-3456', 'repeated'],
    ['ada.lovelace@example.com', 'personal'],
    ['AdaLovelace1815!', 'personal'],
    ['example shop 2026', 'personal'],
    ['adalovelace example', 'personal'],
  ] as const) {
    t.is(await judge(password, 8), fault, password)
  }
  t.is(await judge('ada rides a purple kettle'), null, 'a word of the person among others is fine')
})

test('no password takes long to judge', async t => {
  for (const password of [
    'a'.repeat(256),
    'ab'.repeat(128),
    '!'.repeat(256),
    `${'a'.repeat(255)}b`,
    ' '.repeat(256),
  ])
    t.not(await judge(password, 8), undefined)
})
