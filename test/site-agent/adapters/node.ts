import type { RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { createApp } from '@carnet/examples/node/app'
import { carnet } from '@carnet/site-agent/node'
import { BIG, digest, type Serve } from './workshop.ts'

/** `node:http` alone. */
export const node: Serve = (agent, streams) => {
  const gate = carnet(agent)
  const example = createApp(agent)
  const pages: Record<string, RequestListener> = {
    '/stream': (_req, res) => void Readable.from(streams.body()).pipe(res),
    '/upload': async (req, res) => void res.end(await digest(req)),
    '/download': (_req, res) => void res.end(BIG),
    '/json': async (req, res) => void res.end(JSON.stringify(await json(req))),
    '/counter': (req, res) => {
      const count = 1 + Number(/visits=(\d+)/.exec(req.headers.cookie ?? '')?.[1] ?? 0)
      for (const line of [`visits=${count}`, 'a=1', 'b=2']) res.appendHeader('Set-Cookie', line)
      res.end(`${count} by ${gate.session(req)?.user.name ?? 'nobody'}`)
    },
    '/boom': (_req, res) => {
      res.statusCode = 500
      res.end('It broke.')
    },
    '/deep/members': (req, res) => {
      if (gate.required(req, res) !== null) res.end('Deep')
    },
    '/none': (_req, res) => {
      res.statusCode = 404
      res.end('No such page.')
    },
  }
  return async (req, res) => {
    const page = pages[req.url?.split('?')[0] ?? '']
    if (page === undefined) return void example(req, res)
    res.appendHeader('Set-Cookie', 'early=1')
    if (!(await gate(req, res))) page(req, res)
  }
}
