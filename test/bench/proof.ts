import { type Answered, ask } from './ask.ts'
import type { SignedIn } from './servers/served.ts'

/** What a server looks at before it answers. */
export type Proof = 'nothing' | 'cookie' | 'ticket'

/** Throws where a server does not do its work: it has to name who asks, and nobody else may be answered so. */
export async function prove(port: number, sample: SignedIn, by: Proof): Promise<void> {
  const { path, cookie } = sample
  const answered = await ask(port, path, cookie)
  const named = by === 'ticket' ? await goOn(port, answered) : answered
  if (!names(named, sample)) throw fault(sample, `answered ${named.status} ${named.body}`)
  if (by === 'nothing') return
  // What is good once is shown again; what is a cookie is left out, and bent.
  for (const other of by === 'ticket' ? [''] : ['', bent(cookie)]) {
    const { status } = await ask(port, path, other)
    if (status === 200) throw fault(sample, `lets in who shows "${other}"`)
  }
}

/** What a browser sees that goes on to the first page with the cookies it was given, through one redirect. */
async function goOn(port: number, answered: Answered): Promise<Answered> {
  let last = answered
  for (let step = 0; step < 2 && last.cookie !== ''; step++) last = await ask(port, '/', last.cookie)
  return last
}

function names({ status, body }: Answered, { userId }: SignedIn): boolean {
  return status === 200 && body === userId
}

/** A cookie of the same length with another character in the middle of each value. */
function bent(cookie: string): string {
  return cookie
    .split('; ')
    .map(pair => {
      const middle = Math.floor((pair.indexOf('=') + pair.length) / 2)
      return pair.slice(0, middle) + (pair[middle] === 'A' ? 'B' : 'A') + pair.slice(middle + 1)
    })
    .join('; ')
}

function fault({ path, cookie }: SignedIn, what: string): Error {
  return new Error(`The server ${what}, to GET ${path} with the cookie "${cookie}".`)
}
