// The memory of an agent that hears what is to be forgotten, as a process of its own: node hearing-agent.ts REDIS_URL. At
// 'end' it sends how much of a core it took since 'begin', in µs.
import { setTimeout } from 'node:timers/promises'
import { SessionCache } from '../../packages/site-agent/src/session-cache.ts'
import { openKeptStore } from '../support/kept-store.ts'

const [url = ''] = process.argv.slice(2)
const store = await openKeptStore(url)
new SessionCache(store, { sessions: 50_000, staleFor: 0 })
let heard = 0
store.watch({ forget: () => void heard++, forgetAll: () => {} })
// Once it hears the beat it has subscribed.
const current = store.watch({ forget: () => {}, forgetAll: () => {} })
while (!current.isCurrent(0)) await setTimeout(10)

let begun = process.cpuUsage()
process.on('message', async message => {
  if (message === 'begin') {
    heard = 0
    begun = process.cpuUsage()
    process.send?.('begun')
    return
  }
  await setTimeout(200)
  const { user, system } = process.cpuUsage(begun)
  process.send?.({ cpuMicros: user + system, heard })
})
process.send?.('ready')
