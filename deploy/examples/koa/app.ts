import type { Agent } from '@carnet/site-agent'
import { type CarnetState, carnet } from '@carnet/site-agent/koa'
import Router from '@koa/router'
import Koa from 'koa'

/** A page for everybody, one for who is signed in, one for editors. */
export function createApp(agent: Agent): Koa<CarnetState> {
  const router = new Router<CarnetState>()
  router.get('/', ctx => {
    ctx.body = `Hello ${ctx.state.session?.user.name ?? 'stranger'}`
  })
  router.get('/members', carnet.required(), ctx => {
    ctx.body = `Members: ${ctx.state.session?.user.name}`
  })
  router.get('/editors', carnet.required({ role: 'editor' }), ctx => {
    ctx.body = 'Editors'
  })

  const app = new Koa<CarnetState>()
  app.use(carnet(agent))
  app.use(router.routes())
  return app
}
