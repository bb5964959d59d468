import { DatabaseSync } from 'node:sqlite'
import { type BetterAuthOptions, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { fromNodeHeaders } from 'better-auth/node'
import { numberOf, signInEverybody } from './door.ts'
import { sayWho } from './say-who.ts'
import { type Maker, SESSIONS, served } from './served.ts'

// A sign-up takes it milliseconds, so there are fewer: for a lookup by an index they are as good.
const PEOPLE = SESSIONS / 4

/**
 * better-auth over SQLite in its own process, which no other store is nearer than. Everybody signs up there; the
 * password's hash is none, since only what comes after a sign-up is measured.
 */
async function signedUp(session: BetterAuthOptions['session'] & object) {
  const options = {
    baseURL: 'http://shop.localhost',
    secret: 'a secret of the bench, 32 bytes or more',
    database: new DatabaseSync(':memory:'),
    emailAndPassword: {
      enabled: true,
      password: { hash: async (password: string) => password, verify: async () => true },
    },
    session,
    telemetry: { enabled: false },
  } satisfies BetterAuthOptions
  await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  const signedIn = await signInEverybody(async (req, res) => {
    const email = `ada-${numberOf(req.url)}@example.com`
    const { headers, response } = await auth.api.signUpEmail({
      body: { email, name: 'Ada', password: 'correct horse battery staple' },
      returnHeaders: true,
    })
    for (const cookie of headers.getSetCookie()) res.appendHeader('Set-Cookie', cookie)
    res.end(response.user.id)
  }, PEOPLE)
  return served(async (req, res) => {
    const found = await auth.api.getSession({ headers: fromNodeHeaders(req.headers) })
    sayWho(res, found?.user.id)
  }, signedIn)
}

export const betterAuthPlain: Maker = () => signedUp({})
// Longer than the five minutes it lives by default, which the bench may outlast.
export const betterAuthCached: Maker = () => signedUp({ cookieCache: { enabled: true, maxAge: 3_600 } })
