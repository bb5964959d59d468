import { Readable } from 'node:stream'
import { createApp } from '@carnet/examples/fetch/app'
import { carnet, type FetchVisit } from '@carnet/site-agent/fetch'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { BIG, digest, type Serve } from './workshop.ts'

type Page = (request: Request, visit: FetchVisit) => Response | Promise<Response>

/** A web-standard handler, on Node. */
export const fetchStack: Serve = (agent, streams) => {
  const example = createApp(agent)
  const pages: Record<string, Page> = {
    '/stream': () => new Response(Readable.toWeb(Readable.from(streams.body())) as ReadableStream),
    '/upload': async request =>
      new Response(await digest(request.body as unknown as AsyncIterable<Uint8Array>)),
    '/download': () => new Response(BIG as Uint8Array<ArrayBuffer>),
    '/json': async request => Response.json(await request.json()),
    '/counter': (request, visit) => {
      const count = 1 + Number(/visits=(\d+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? 0)
      const response = new Response(`${count} by ${visit.session?.user.name ?? 'nobody'}`)
      for (const line of ['early=1', `visits=${count}`, 'a=1', 'b=2'])
        response.headers.append('Set-Cookie', line)
      return response
    },
    '/boom': () => new Response('It broke.', { status: 500 }),
    '/deep/members': (_request, visit) => visit.required() ?? new Response('Deep'),
    '/none': () => new Response('No such page.', { status: 404 }),
  }
  const gate = carnet(agent, { peer: (_request, env: HttpBindings) => env.incoming.socket.remoteAddress })
  const workshop = gate.handler((request, visit) => {
    const page = pages[new URL(request.url).pathname]
    return page?.(request, visit) ?? new Response(null, { status: 404 })
  })
  return getRequestListener((request, env) => {
    const { pathname } = new URL(request.url)
    return (pathname in pages || pathname === '/api/fields' ? workshop : example)(
      request,
      env as HttpBindings,
    )
  })
}
