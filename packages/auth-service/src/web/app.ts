import { CarnetError, cookieNames, type Secrets, siteSecrets } from '@carnet/protocol'
import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import Keygrip from 'keygrip'
import Koa from 'koa'
import session from 'koa-session'
import type { Desk, Extras, State } from './context.ts'
import { accessLog } from './middleware/access-log.ts'
import { errors } from './middleware/errors.ts'
import { headers } from './middleware/headers.ts'
import { oneValue } from './middleware/one-value.ts'
import { sameOrigin } from './middleware/same-origin.ts'
import { visitor } from './middleware/visitor.ts'
import { errorPage } from './pages/error.ts'
import { authorize } from './routes/authorize.ts'
import { healthz, readyz } from './routes/health.ts'
import { home } from './routes/home.ts'
import { showSignIn, signIn } from './routes/sign-in.ts'
import { showSignOut, signOut } from './routes/sign-out.ts'

// Too large, cut short, no JSON, no gzip: not every one of the parser's errors says by itself that the caller is at fault.
function unreadable(cause: Error): never {
  throw new CarnetError('invalid_input', 'The body could not be read.', { cause })
}

const PAGE_STATE_MS = 3_600_000

/** The service as a Koa app: the road that every request takes, and the doors along it. */
export function createApp(desk: Desk, secrets: Secrets): Koa<State, Extras> {
  const app = new Koa<State, Extras>()
  const { auth } = desk.manifest.current
  const { page, secure } = cookieNames(auth)
  // Not a site's id, so no site has these keys. keygrip's own default is SHA-1.
  app.keys = new Keygrip([...siteSecrets(secrets, 'auth/pages')], 'sha256')

  const health = new Router<State, Extras>()
  health.get('/healthz', healthz())
  health.get('/readyz', readyz(desk))

  const doors = new Router<State, Extras>()
  doors.get('/', home(desk))
  doors.get('/signin', showSignIn(desk))
  doors.post('/signin', signIn(desk))
  doors.get('/signout', showSignOut(desk))
  doors.post('/signout', signOut(desk))
  doors.get('/authorize', authorize(desk))

  // What no answer can be given to any more, such as a connection that was cut: Koa would print it to standard error.
  app.on('error', (error: Error) => desk.log.warn({ reason: error.message }, 'connection_error'))
  app.use(accessLog(desk.log))
  app.use(headers(secure))
  app.use(errors(desk.log, errorPage(desk)))
  app.use(health.routes())
  app.use(oneValue())
  app.use(session({ key: page, maxAge: PAGE_STATE_MS, sameSite: 'lax', secure }, app))
  app.use(
    bodyParser({ enableTypes: ['json', 'form'], jsonLimit: '32kb', formLimit: '32kb', onError: unreadable }),
  )
  app.use(sameOrigin(desk.manifest))
  app.use(visitor(desk))
  app.use(doors.routes())
  return app
}
