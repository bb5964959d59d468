import { issueTickets, type Store } from '@carnet/protocol'
import { clientAt } from '../../support/people.ts'
import { inBatches } from '../in-batches.ts'
import { inKoa, inNode, type Mount, openAgent, startSessions } from './agent.ts'
import { type Maker, SESSIONS, type SignedIn, served, TICKETS } from './served.ts'

// Over HTTP fewer are burnt in a turn.
const TICKETS_OVER_HTTP = 40_000

/** Pushed tickets for the pixel, as many for each session. */
async function tickets(store: Store, count: number): Promise<SignedIn[]> {
  const client = clientAt('127.0.0.1', { 'user-agent': 'bench' })
  const pushed = { site: 'shop', ttl: 60_000, state: null }
  const wanted = Array.from({ length: count / SESSIONS }, () => pushed)
  const issued = await inBatches(await startSessions(store), 10, async ({ sid, userId }) => {
    const tickets = await issueTickets(store, sid, client, wanted)
    return tickets.map(ticket => ({ path: `/api/auth.gif?ticket=${ticket}`, cookie: '', userId }))
  })
  return issued.flat()
}

/** A site that everybody has a number of tickets for. */
function redeeming(mount: Mount): Maker {
  return async (redisUrl, storeUrl) => {
    const { agent, store } = await openAgent(redisUrl, storeUrl)
    if (storeUrl === undefined) return served(mount(agent), await tickets(store, TICKETS))
    const requests = await tickets(store, TICKETS_OVER_HTTP)
    await store.close()
    return served(mount(agent), requests)
  }
}

export const redeemInKoa: Maker = redeeming(inKoa)
export const redeemInNode: Maker = redeeming(inNode)
