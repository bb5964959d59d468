import { type Client, issueTickets, type Manifest, type Site, type Store } from '@carnet/protocol'

/** One pixel to load: the browser is signed in at `site` by the image at `url`. */
export interface Pixel {
  readonly site: string
  readonly url: string
}

/** What a sign-in gives to the page: pixels for the other sites, and a ticket for the site asked for where it takes pushed ones. */
export interface FanOutPlan {
  readonly ticket: string | null
  readonly pixels: readonly Pixel[]
}

/**
 * Plans the fan-out after a sign-in: pulled sites fetch their ticket themselves, pushed ones get it here, all in one
 * round trip. A client whose address is not known for sure gets no pushed ticket. Throws `store_unavailable`.
 */
export async function planFanOut(
  store: Store,
  manifest: Manifest,
  sid: string,
  client: Client,
  asked: Site | null,
): Promise<FanOutPlan> {
  const pushed = client.addressUncertain ? [] : manifest.sites.filter(site => site.fanOut === 'push')
  const requests = pushed.map(site => ({ site: site.id, ttl: site.ticket.ttl, state: null }))
  const tickets = await issueTickets(store, sid, client, requests)
  const ticketOf = new Map(pushed.map((site, index) => [site.id, tickets[index]]))

  const pixels: Pixel[] = []
  for (const { id, origin, fanOut } of manifest.sites) {
    if (id === asked?.id) continue
    const ticket = ticketOf.get(id)
    if (fanOut === 'pull') pixels.push({ site: id, url: `${origin}/api/auth.gif` })
    if (ticket !== undefined) pixels.push({ site: id, url: `${origin}/api/auth.gif?ticket=${ticket}` })
  }
  return { ticket: (asked && ticketOf.get(asked.id)) ?? null, pixels }
}
