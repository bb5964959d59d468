import type { RequestListener } from 'node:http'
import type { Agent } from '@carnet/site-agent'
import { carnet } from '@carnet/site-agent/node'

/** A page for everybody, one for who is signed in, one for editors. */
export function createApp(agent: Agent): RequestListener {
  const gate = carnet(agent)
  return async function app(req, res) {
    if (await gate(req, res)) return
    res.setHeader('Content-Type', 'text/plain; charset=utf-8')
    switch (req.url?.split('?')[0]) {
      case '/': {
        res.end(`Hello ${gate.session(req)?.user.name ?? 'stranger'}`)
        return
      }
      case '/members': {
        const session = gate.required(req, res)
        if (session !== null) res.end(`Members: ${session.user.name}`)
        return
      }
      case '/editors': {
        if (gate.required(req, res, { role: 'editor' }) !== null) res.end('Editors')
        return
      }
      default: {
        res.statusCode = 404
        res.end('Nothing is here.')
      }
    }
  }
}
