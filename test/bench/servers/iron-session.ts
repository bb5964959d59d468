import type { IncomingMessage, ServerResponse } from 'node:http'
import { getIronSession } from 'iron-session'
import { numberOf, signInEverybody } from './door.ts'
import { sayWho } from './say-who.ts'
import { type Maker, served, userAt } from './served.ts'

interface Kept {
  user: { id: string }
}

const options = {
  cookieName: 'session',
  password: 'a password of the bench, 32 characters or more',
  cookieOptions: { secure: false },
}

/** iron-session: the session is the cookie, encrypted. */
export const ironSession: Maker = async () => {
  const sessionOf = (req: IncomingMessage, res: ServerResponse) => getIronSession<Kept>(req, res, options)
  const signedIn = await signInEverybody(async (req, res) => {
    const session = await sessionOf(req, res)
    session.user = userAt(numberOf(req.url))
    await session.save()
    res.end(session.user.id)
  })
  return served(async (req, res) => sayWho(res, (await sessionOf(req, res)).user?.id), signedIn)
}
