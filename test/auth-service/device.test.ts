import test from 'ava'
import { deviceName } from '../../packages/auth-service/src/accounts/device.ts'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'
const WINDOWS = `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/149.0.0.0 Safari/537.36`
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'

test('browsers and systems that are about are named', t => {
  const names = {
    [WINDOWS]: 'Chrome on Windows',
    [`${WINDOWS} Edg/149.0.0.0`]: 'Microsoft Edge on Windows',
    [`${WINDOWS} OPR/120.0.0.0`]: 'Opera on Windows',
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0': 'Firefox on Linux',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15':
      'Safari on macOS',
    [`${IPHONE} Version/18.5 Mobile/15E148 Safari/604.1`]: 'Safari on iOS',
    [`${IPHONE} CriOS/149.0.0.0 Mobile/15E148 Safari/604.1`]: 'Chrome on iOS',
    [`Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`]:
      'Samsung Internet for Android on Android',
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${WEBKIT} Chrome/149.0.0.0 Safari/537.36`]:
      'Chrome on Chrome OS',
  }
  for (const [header, name] of Object.entries(names)) t.is(deviceName(header), name)
})

test('no words of the header itself are a name', t => {
  const lure = 'No action needed: this was our own yearly safety check. Questions: https://evil.example/help'
  for (const header of [lure, `${lure} x`, 'evil.example/1.0 x', 'curl/8.5.0', 'constructor/1 x', 'x'])
    t.is(deviceName(header), '', header)
  t.is(deviceName(`${lure} (Linux)/1`), 'Linux')
})
