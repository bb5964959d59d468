import {
  type CookieNames,
  type SessionRecord,
  type Signer,
  type Store,
  serializeCookie,
  signSid,
  soleCookie,
  type Toucher,
  verifySid,
} from '@carnet/protocol'

/** The browser's session at the auth service itself. */
export interface OwnSession {
  readonly sid: string
  readonly record: SessionRecord
}

/** Reads the session from the service's own cookie, and slides its idle end. Null where there is none. Throws `store_unavailable`. */
export async function readOwnSession(
  cookieHeader: string | undefined,
  desk: { store: Store; toucher: Toucher; signer: Signer; names: CookieNames; idle: number },
): Promise<OwnSession | null> {
  const value = soleCookie(cookieHeader, desk.names.session)
  const sid = value === null ? null : verifySid(desk.signer, value)
  const record = sid === null ? null : await desk.store.read(sid)
  if (sid === null || record === null) return null
  desk.toucher.touch(sid, record, desk.idle)
  return { sid, record }
}

/** The service's own session cookie. */
export function ownCookie(names: CookieNames, signer: Signer, sid: string): string {
  return serializeCookie({
    name: names.session,
    value: signSid(signer, sid),
    sameSite: 'Lax',
    secure: names.secure,
  })
}

/** Drops the service's own session cookie. */
export function dropOwnCookie(names: CookieNames): string {
  return serializeCookie({ name: names.session, value: '', sameSite: 'Lax', secure: names.secure, maxAge: 0 })
}

/** The cookie by which a browser is remembered: series, token, and a signature that keeps guesses away from the alarm. */
export function rememberCookie(
  names: CookieNames,
  signer: Signer,
  remembered: { seriesId: string; token: string; expiresAt: number },
): string {
  return serializeCookie({
    name: names.remember,
    value: signer.sign('remember', `${remembered.seriesId}.${remembered.token}`),
    sameSite: 'Lax',
    secure: names.secure,
    maxAge: Math.max(0, Math.floor((remembered.expiresAt - Date.now()) / 1000)),
  })
}

/** Reads it; null for one that is absent, forged or malformed. */
export function readRememberCookie(
  cookieHeader: string | undefined,
  names: CookieNames,
  signer: Signer,
): { seriesId: string; token: string } | null {
  const signed = soleCookie(cookieHeader, names.remember)
  const value = signed === null ? null : signer.verify('remember', signed)
  const [seriesId, token, ...more] = value?.split('.') ?? []
  return seriesId === undefined || token === undefined || more.length > 0 ? null : { seriesId, token }
}

/** Drops it. */
export function dropRememberCookie(names: CookieNames): string {
  return serializeCookie({
    name: names.remember,
    value: '',
    sameSite: 'Lax',
    secure: names.secure,
    maxAge: 0,
  })
}
