import type { ServerResponse } from 'node:http'
import type { Answer } from './exchange.ts'

/** Sends an answer by a `node:http` response, beside the cookies that stand there already. */
export function send(res: ServerResponse, answer: Answer): void {
  res.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value)
  for (const cookie of answer.cookies) res.appendHeader('Set-Cookie', cookie)
  res.setHeader('Content-Length', Buffer.byteLength(answer.body))
  res.end(res.req.method === 'HEAD' ? undefined : answer.body)
}
