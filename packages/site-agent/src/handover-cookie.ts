import { serializeCookie, soleCookie } from '@carnet/protocol'
import { type AgentRequest, cookieHeader } from './exchange.ts'
import type { Place } from './place.ts'

// A session that a pushed claim has brought may be a stranger's. It takes nobody's place at this site, and must take
// nobody's at the auth service: only the browser that sent the form hands over, and only what came of that.

const WITHIN_S = 600

/** The cookie by which a browser may hand over the session that it has just begun at the site's form. */
export function handoverCookie({ names, signer }: Place, sid: string): string {
  const { handover: name, secure } = names
  const value = signer.sign('handover', sid)
  return serializeCookie({ name, value, sameSite: 'Lax', secure, maxAge: WITHIN_S })
}

/** The sid that this browser may hand over, or null. */
export function sidToHandOver({ names, signer }: Place, request: AgentRequest): string | null {
  const signed = soleCookie(cookieHeader(request), names.handover)
  return signed === null ? null : signer.verify('handover', signed)
}
