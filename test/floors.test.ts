import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import test from 'ava'

// The house's floors, lowest first. A file imports from floors below its own; on one floor nobody knows another.
const FLOORS: Record<string, string[][]> = {
  protocol: [
    [
      'errors.ts',
      'handle.ts',
      'language.ts',
      'redirect.ts',
      'request-origin.ts',
      'binding.ts',
      'manifest/taken-twice.ts',
      'store/redis-acl.ts',
      'store/redis-url.ts',
      'store/replica-waits.ts',
    ],
    [
      'report.ts',
      'proxy-notice.ts',
      'session-record.ts',
      'ticket-record.ts',
      'manifest/schema.ts',
      'store/clock.ts',
      'store/redis-answers.ts',
      'store/redis-scripts.ts',
    ],
    ['store/store.ts', 'store/keys.ts', 'store/redis-connection.ts', 'cookie.ts', 'manifest/manifest.ts'],
    [
      'session.ts',
      'ticket.ts',
      'store/memory.ts',
      'store/redis-reigns.ts',
      'signed-request.ts',
      'wire.ts',
      'store/inspect-redis.ts',
      'manifest/edit.ts',
      'manifest/live.ts',
    ],
    ['store/redis-link.ts', 'store/http-requests.ts', 'toucher.ts', 'reporter.ts'],
    ['store/redis-revoker.ts'],
    ['store/redis.ts', 'store/http-link.ts'],
    ['store/http.ts'],
    ['store/open.ts'],
    ['index.ts'],
  ],
  'site-agent': [
    ['config.ts', 'fields.ts', 'session.ts', 'texts/en.ts'],
    ['exchange.ts', 'session-cache.ts'],
    ['place.ts', 'send.ts', 'web-exchange.ts', 'texts/zh-hans.ts', 'texts/zh-hant.ts'],
    [
      'texts/languages.ts',
      'nonce.ts',
      'claim.ts',
      'handover-cookie.ts',
      'reports.ts',
      'session-check.ts',
      'refusal-page.ts',
    ],
    ['bounce.ts', 'swap.ts'],
    [
      'required.ts',
      'routes/pixel.ts',
      'routes/bounce.ts',
      'routes/handover.ts',
      'routes/health.ts',
      'routes/sign-in.ts',
      'routes/session.ts',
      'routes/sign-out.ts',
      'unlisted.ts',
    ],
    ['visit.ts', 'refusals.ts'],
    ['agent.ts'],
    ['create-agent.ts'],
    [
      'koa.ts',
      'node.ts',
      'express.ts',
      'fastify.ts',
      'hono.ts',
      'fetch.ts',
      'index.ts',
      'agents.ts',
      'forward-auth.ts',
    ],
    ['standalone.ts'],
    ['main.ts'],
    ['cli.ts'],
  ],
  'auth-service': [
    [
      'accounts/migrations.ts',
      'accounts/sqlite.ts',
      'accounts/postgres.ts',
      'accounts/email.ts',
      'accounts/foreign-hash.ts',
      'accounts/password-policy.ts',
      'accounts/device.ts',
      'texts/en.ts',
      'texts/help-en.ts',
      'html.ts',
      'logo.ts',
      'login-manifest.ts',
      'guarded-server.ts',
      'redact.ts',
      'replace-file.ts',
      'cli/next-steps.ts',
      'deploy/plan.ts',
      'deploy/redis-acl.ts',
      'deploy/kubernetes-workload.ts',
      'cli/printed.ts',
      'doctor/cookie-jar.ts',
      'doctor/finding.ts',
      'doctor/in-parallel.ts',
      'doctor/version.ts',
      'doctor/web-client.ts',
      'listen.ts',
      'config.ts',
      'semaphores.ts',
      'agents/feed.ts',
    ],
    [
      'limits.ts',
      'deploy/kubernetes-network.ts',
      'deploy/mark.ts',
      'accounts/database.ts',
      'accounts/password-worker.ts',
      'accounts/backend.ts',
      'doctor/clock.ts',
      'doctor/manifest.ts',
      'doctor/sites.ts',
      'doctor/tls.ts',
      'texts/zh-hans.ts',
      'texts/zh-hant.ts',
      'texts/help-zh-hans.ts',
      'texts/help-zh-hant.ts',
    ],
    [
      'accounts/audit.ts',
      'texts/help.ts',
      'deploy/caddy.ts',
      'deploy/kubernetes.ts',
      'deploy/nginx.ts',
      'deploy/systemd.ts',
      'deploy/write-files.ts',
      'accounts/passwords.ts',
      'accounts/session-list.ts',
      'accounts/user-row.ts',
      'accounts/keys.ts',
      'accounts/mail-tokens.ts',
      'accounts/remember.ts',
      'mail/outbox.ts',
      'texts/languages.ts',
      'doctor/forged-address.ts',
      'doctor/redis.ts',
      'doctor/running.ts',
    ],
    [
      'accounts/users.ts',
      'deploy/compose.ts',
      'doctor/secrets.ts',
      'mail/letter.ts',
      'sso/own-session.ts',
      'sso/fan-out.ts',
      'sso/return-to.ts',
    ],
    [
      'accounts/endings.ts',
      'accounts/import.ts',
      'deploy/render.ts',
      'doctor/temporary-account.ts',
      'doctor/visitor.ts',
      'mail/transport.ts',
    ],
    ['accounts/sessions.ts', 'doctor/mail.ts', 'doctor/walk.ts'],
    [
      'accounts/remove-user.ts',
      'doctor/database.ts',
      'doctor/round.ts',
      'mail/mailer.ts',
      'following.ts',
      'web/context.ts',
    ],
    [
      'web/envelope.ts',
      'web/elsewhere.ts',
      'web/mails.ts',
      'web/note.ts',
      'doctor/diagnose.ts',
      'web/pages/style.ts',
      'web/middleware/headers.ts',
    ],
    [
      'web/form.ts',
      'web/known-device.ts',
      'web/new-password.ts',
      'web/wake.ts',
      'web/signed-in.ts',
      'web/middleware/access-log.ts',
      'web/middleware/body.ts',
      'web/middleware/errors.ts',
      'web/middleware/forwarders.ts',
      'web/middleware/manner.ts',
      'web/middleware/methods.ts',
      'web/middleware/one-value.ts',
      'agents/asked.ts',
      'agents/openapi.ts',
      'agents/signed.ts',
      'web/middleware/same-origin.ts',
      'web/pages/fields.ts',
      'web/pages/sites.ts',
    ],
    ['web/middleware/visitor.ts', 'web/pages/layout.ts'],
    [
      'web/pages/account.ts',
      'web/pages/consent.ts',
      'web/pages/dev-mail.ts',
      'web/pages/error.ts',
      'web/pages/fan-out.ts',
      'web/pages/help.ts',
      'web/pages/home.ts',
      'web/pages/notice.ts',
      'web/pages/password.ts',
      'web/pages/sign-in.ts',
      'web/pages/sign-out.ts',
      'web/pages/sign-up.ts',
      'web/pages/verify-email.ts',
    ],
    ['agents/routes.ts', 'web/account-form.ts', 'web/credentials.ts', 'web/enter.ts', 'web/void-link.ts'],
    [
      'web/routes/account.ts',
      'web/routes/account-data.ts',
      'web/routes/account-email.ts',
      'web/routes/account-password.ts',
      'web/routes/account-sessions.ts',
      'web/routes/authorize.ts',
      'web/routes/dev-mail.ts',
      'web/routes/health.ts',
      'web/routes/help.ts',
      'web/routes/home.ts',
      'web/routes/language.ts',
      'web/routes/password.ts',
      'web/routes/sign-out.ts',
      'web/routes/sign-up.ts',
      'web/routes/takeover.ts',
      'web/routes/verify-email.ts',
      'agents/sign-in.ts',
    ],
    ['web/routes/sign-in.ts'],
    ['web/app.ts'],
    ['service.ts'],
    ['main.ts', 'login-module.ts'],
    ['login.ts'],
    [
      'index.ts',
      'cli/accounts.ts',
      'cli/password.ts',
      'cli/secret-of.ts',
      'cli/serve.ts',
      'cli/check.ts',
      'cli/deploy.ts',
      'cli/migrate.ts',
    ],
    [
      'cli/agent.ts',
      'cli/audit.ts',
      'cli/credentials.ts',
      'cli/doctor.ts',
      'cli/import.ts',
      'cli/redis-acl.ts',
      'cli/session.ts',
      'cli/site-change.ts',
    ],
    ['cli/site.ts', 'cli/user.ts'],
    ['cli/main.ts'],
  ],
}

const MAY_KNOW: Record<string, string[]> = {
  protocol: [],
  'site-agent': ['@carnet/protocol'],
  'auth-service': ['@carnet/protocol'],
  // One command runs agents, and knows no more than how to start them.
  'auth-service/cli/agent.ts': ['@carnet/site-agent/main'],
}

const root = join(import.meta.dirname, '../packages')

for (const [name, floors] of Object.entries(FLOORS)) {
  const source = join(root, name, 'src')
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  )
  const floorOf = new Map(floors.flatMap((floor, height) => floor.map(file => [file, height] as const)))

  test(`${name}: every file has a floor, and imports run down`, t => {
    t.deepEqual([...floorOf.keys()].sort(), files.sort())
    for (const file of files) {
      for (const [, imported = ''] of readFileSync(join(source, file), 'utf8').matchAll(/from '([^']+)'/g)) {
        if (imported.startsWith('@carnet/')) {
          const known = [...(MAY_KNOW[name] ?? []), ...(MAY_KNOW[`${name}/${file}`] ?? [])]
          t.true(known.includes(imported), `${name}/${file} must not know ${imported}`)
        }
        if (!imported.startsWith('.')) continue
        const target = relative(source, join(source, file, '..', imported))
        const [from = -1, to = 99] = [floorOf.get(file), floorOf.get(target)]
        t.true(to < from, `${name}: ${file} (floor ${from}) imports ${target} (floor ${to})`)
      }
    }
  })
}

test('the protocol knows no web framework, no environment and no logger', t => {
  for (const file of readdirSync(join(root, 'protocol/src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const text = readFileSync(join(root, 'protocol/src', file), 'utf8')
    t.notRegex(text, /from '(koa|express|pino|fastify)|process\.env|console\./, file)
  }
})
