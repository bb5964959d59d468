// Agents of sites in a process of their own: node watching-agents.ts REDIS_URL AGENTS [STORE_URL]. Told a cookie, it
// signs in at all of them, says so, and tells when the last of them no longer takes it for signed in: ms since epoch,
// for each agent.
import { openAgent } from './servers/agent.ts'

const [redisUrl = '', count = '1', storeUrl] = process.argv.slice(2)
const opened = await Promise.all(Array.from({ length: Number(count) }, () => openAgent(redisUrl, storeUrl)))
// Agents over HTTP are without Redis.
if (storeUrl !== undefined) await Promise.all(opened.map(({ store }) => store.close()))
let cookie = ''
let signedOutAt = new Map<(typeof opened)[number], number>()

const now = () => performance.timeOrigin + performance.now()

async function isSignedIn({ agent }: (typeof opened)[number]): Promise<boolean> {
  const outcome = await agent.handle({ method: 'GET', target: '/', headers: { cookie }, peer: '127.0.0.1' })
  return outcome.answer === null && outcome.visit.session !== null
}

for (const one of opened) {
  one.asked.watch({
    forgetAll: () => {},
    // The agent's own watch came first: what it knew is void by now.
    forget: async () => {
      // Others' sessions end too; and one that ended may be told of more than once.
      if (cookie === '' || (await isSignedIn(one)) || signedOutAt.has(one)) return
      signedOutAt.set(one, now())
      if (signedOutAt.size < opened.length) return
      cookie = ''
      process.send?.({ signedOutAt: [...signedOutAt.values()] })
    },
  })
}
process.on('message', async (message: string) => {
  cookie = message
  signedOutAt = new Map()
  for (const one of opened) {
    if (!(await isSignedIn(one))) throw new Error('An agent does not know the session.')
  }
  process.send?.({ signedIn: true })
})
process.send?.({ ready: true })
