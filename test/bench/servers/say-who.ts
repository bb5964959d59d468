import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'

/** Answers with the id of who visits as Koa would, so that all answers are alike; 401 for nobody. */
export function sayWho(res: ServerResponse, userId: string | undefined): void {
  if (userId === undefined) {
    res.statusCode = 401
    res.end()
    return
  }
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.end(userId)
}

/** The same in Koa. */
export function sayWhoInKoa(ctx: Pick<Context, 'status' | 'body'>, userId: string | undefined): void {
  if (userId === undefined) ctx.status = 401
  else ctx.body = userId
}
