import type { Agent } from '@carnet/site-agent'
import { carnet, type FetchHandler } from '@carnet/site-agent/fetch'
import type { HttpBindings } from '@hono/node-server'

/** A page for everybody, one for who is signed in, one for editors. */
export function createApp(agent: Agent): FetchHandler<[HttpBindings]> {
  const gate = carnet(agent, {
    // Bun: (request, server: Bun.Server<undefined>) => server.requestIP(request)?.address
    // Deno: (_request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => info.remoteAddr.hostname
    peer: (_request, { incoming }: HttpBindings) => incoming.socket.remoteAddress,
  })
  return gate.handler((request, visit) => {
    switch (new URL(request.url).pathname) {
      case '/':
        return new Response(`Hello ${visit.session?.user.name ?? 'stranger'}`)
      case '/members':
        return visit.required() ?? new Response(`Members: ${visit.session?.user.name}`)
      case '/editors':
        return visit.required({ role: 'editor' }) ?? new Response('Editors')
      default:
        return new Response('Nothing is here.', { status: 404 })
    }
  })
}
