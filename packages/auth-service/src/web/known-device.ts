import { hash } from 'node:crypto'
import { cookieNames, networksOf, serializeCookie, soleCookie } from '@carnet/protocol'
import { nanoid } from 'nanoid'
import { normalizeEmail } from '../accounts/email.ts'
import type { Account } from '../accounts/user-row.ts'
import type { Deed, Guesser } from '../limits.ts'
import type { Ctx, Desk } from './context.ts'

// A browser on which somebody has signed in keeps a cookie that says so: for the owner of the account tries there are
// counted apart from everybody else's. It signs nobody in. It names accounts by digests, and a new password voids it
// with the epoch. The method: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies

const DEVICE_LIFE_S = 365 * 86_400
const MOST_ACCOUNTS = 4

/** A browser that has been signed in on. */
interface Device {
  readonly id: string
  /** Who signed in there, the latest first. */
  readonly accounts: readonly string[]
}

/** Counts a deed of this client; where all do too much of it, who signed in on this browser before may go on. Throws `rate_limited`. */
export async function count(desk: Desk, ctx: Ctx, deed: Deed): Promise<void> {
  const known = readDevice(desk, ctx) !== null
  await desk.limits.count(deed, networksOf(ctx.state.client.address), { known })
}

/** Who tries the password of an account: `account` is null where there is none of that address. */
export function guesserOf(desk: Desk, ctx: Ctx, email: string, account: Account | null): Guesser {
  const device = readDevice(desk, ctx)
  return {
    networks: networksOf(ctx.state.client.address),
    account: normalizeEmail(email) ?? email.trim().toLowerCase(),
    device: device !== null && account !== null && isUsedBy(device, account) ? device.id : null,
  }
}

/** The cookie by which the browser is known to an account from now on. */
export function deviceCookie(desk: Desk, ctx: Ctx, account: Account): string {
  const { device: name, secure } = cookieNames(desk.manifest.current.auth)
  const value = deviceValue(desk, ctx, account)
  return serializeCookie({ name, value, sameSite: 'Lax', secure, maxAge: DEVICE_LIFE_S })
}

/** That cookie's value, for a site that keeps it in a cookie of its own. */
export function deviceValue(desk: Desk, ctx: Ctx, account: Account): string {
  const { id = nanoid(), accounts = [] } = readDevice(desk, ctx) ?? {}
  const tag = tagOf(id, account)
  const known = [tag, ...accounts.filter(other => other !== tag)].slice(0, MOST_ACCOUNTS)
  return desk.signer.sign('device', [id, ...known].join('.'))
}

function readDevice(desk: Desk, ctx: Ctx): Device | null {
  const name = cookieNames(desk.manifest.current.auth).device
  const signed = ctx.state.device === undefined ? soleCookie(ctx.headers.cookie, name) : ctx.state.device
  const [id, ...accounts] = (signed === null ? null : desk.signer.verify('device', signed))?.split('.') ?? []
  return id === undefined ? null : { id, accounts }
}

function isUsedBy({ id, accounts }: Device, account: Account): boolean {
  return accounts.includes(tagOf(id, account))
}

function tagOf(deviceId: string, { user, epoch }: Account): string {
  return hash('sha256', `${deviceId}.${user.id}.${epoch}`, 'base64url').slice(0, 22)
}
