import { cookieNames, type Secrets, siteSecrets } from '@carnet/protocol'
import { Router } from '@koa/router'
import Keygrip from 'keygrip'
import Koa from 'koa'
import session from 'koa-session'
import { openapi } from '../agents/openapi.ts'
import { read, redeem, report, revocations, revoke, time, touch } from '../agents/routes.ts'
import { issueForTakeover, signInAtSite } from '../agents/sign-in.ts'
import { signed } from '../agents/signed.ts'
import type { Desk, Extras, State } from './context.ts'
import { accessLog } from './middleware/access-log.ts'
import { body } from './middleware/body.ts'
import { errors } from './middleware/errors.ts'
import { forwarders } from './middleware/forwarders.ts'
import { headers } from './middleware/headers.ts'
import { manner } from './middleware/manner.ts'
import { methods } from './middleware/methods.ts'
import { oneValue } from './middleware/one-value.ts'
import { sameOrigin } from './middleware/same-origin.ts'
import { visitor } from './middleware/visitor.ts'
import { errorPage } from './pages/error.ts'
import { changeProfile, showAccount } from './routes/account.ts'
import { deleteAccount, exportAccount, showDelete } from './routes/account-data.ts'
import { changeEmail, showChangeEmail } from './routes/account-email.ts'
import { changePassword, showChangePassword } from './routes/account-password.ts'
import { endSessions, showSessions } from './routes/account-sessions.ts'
import { authorize, consent } from './routes/authorize.ts'
import { devMail } from './routes/dev-mail.ts'
import { healthz, readyz } from './routes/health.ts'
import { help } from './routes/help.ts'
import { home } from './routes/home.ts'
import { chooseLanguage } from './routes/language.ts'
import { forgot, reset, showForgot, showReset } from './routes/password.ts'
import { showSignIn, signIn } from './routes/sign-in.ts'
import { showSignOut, signOut } from './routes/sign-out.ts'
import { showSignUp, signUp } from './routes/sign-up.ts'
import { takeover } from './routes/takeover.ts'
import { resendVerify, showVerify, verifyEmail } from './routes/verify-email.ts'

const PAGE_STATE_MS = 3_600_000

/** The service as a Koa app: the road that every request takes, and the doors along it. */
export function createApp(desk: Desk, secrets: Secrets): Koa<State, Extras> {
  const app = new Koa<State, Extras>()
  const { auth } = desk.manifest.current
  const { page, secure } = cookieNames(auth)
  // Not a site's id, so no site has these keys. keygrip's own default is SHA-1.
  app.keys = new Keygrip([...siteSecrets(secrets, 'auth/pages')], 'sha256')

  const prefix = new URL(auth).pathname.replace(/\/$/, '')
  // What answers while the store is away.
  const health = new Router<State, Extras>({ prefix })
  health.get('/healthz', healthz())
  health.get('/readyz', readyz(desk))
  health.get('/help', help())
  health.get('/openapi.json', openapi(desk))

  const agents = new Router<State, Extras>({ prefix: `${prefix}/v1` })
  agents.use(body(), signed(desk, secrets))
  agents.get('/time', time(desk))
  agents.post('/tickets/redeem', redeem(desk))
  agents.post('/sessions/touch', touch(desk))
  agents.get('/sessions/:sid', read(desk))
  agents.delete('/sessions/:sid', revoke(desk))
  agents.post('/reports', report(desk))
  agents.post('/signin', signInAtSite(desk))
  agents.post('/tickets', issueForTakeover(desk))
  agents.get('/revocations', revocations(desk.feed))

  const doors = new Router<State, Extras>({ prefix })
  doors.get('/', home(desk))
  doors.get('/signin', showSignIn(desk))
  doors.post('/signin', signIn(desk))
  doors.get('/signout', showSignOut(desk))
  doors.post('/signout', signOut(desk))
  doors.get('/signup', showSignUp(desk))
  doors.post('/signup', signUp(desk))
  doors.get('/verify-email', showVerify(desk))
  doors.post('/verify-email', verifyEmail(desk))
  doors.post('/verify-email/resend', resendVerify(desk))
  doors.get('/password/forgot', showForgot(desk))
  doors.post('/password/forgot', forgot(desk))
  doors.get('/password/reset', showReset(desk))
  doors.post('/password/reset', reset(desk))
  doors.get('/account', showAccount(desk))
  doors.post('/account/profile', changeProfile(desk))
  doors.get('/account/email', showChangeEmail(desk))
  doors.post('/account/email', changeEmail(desk))
  doors.get('/account/password', showChangePassword(desk))
  doors.post('/account/password', changePassword(desk))
  doors.get('/account/sessions', showSessions(desk))
  doors.post('/account/sessions', endSessions(desk))
  doors.get('/account/export', exportAccount(desk))
  doors.get('/account/delete', showDelete(desk))
  doors.post('/account/delete', deleteAccount(desk))
  doors.get('/language', chooseLanguage(desk))
  doors.get('/authorize', authorize(desk))
  doors.post('/authorize', consent(desk))
  doors.get('/takeover', takeover(desk))
  if (desk.kept !== null) doors.get('/dev/mail', devMail(desk, desk.kept))

  // What no answer can be given to any more, such as a connection that was cut: Koa would print it to standard error.
  app.on('error', (error: Error) => desk.log.warn({ reason: error.message }, 'connection_error'))
  app.use(accessLog(desk.log))
  app.use(headers(secure))
  app.use(manner(desk))
  app.use(errors(desk.log, errorPage))
  app.use(forwarders(desk.proxies))
  app.use(methods(health, agents, doors))
  app.use(health.routes())
  app.use(agents.routes())
  app.use(oneValue())
  app.use(session({ key: page, maxAge: PAGE_STATE_MS, sameSite: 'lax', secure }, app))
  app.use(body())
  app.use(sameOrigin(desk.manifest))
  app.use(visitor(desk))
  app.use(doors.routes())
  return app
}
